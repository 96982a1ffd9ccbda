#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Program(const std::string& name) {
    return test::SourcePath("loadtest/" + name).string();
}

/// Runs Python that has loadtest/ in its path.
test::Finished Python(const std::string& code) {
    return test::Run({"python3", "-B", "-c", "import sys; sys.path.insert(0, sys.argv[1])\n" + code,
                      test::SourcePath("loadtest").string()});
}

TEST(MeasuringProgramsTest, RefuseInALineWhatCannotBeMeasured) {
    for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
             {"compare", "--rounds", "0"},
             {"compare", "--duration", "nan"},
             {"compare", "--only", "nonesuch"},
             {"growth", "--rounds", "0"},
             {"growth", "--most-networks", "1", "--only", "networks"},
             {"growth", "--most-mailboxes", "0", "--only", "start"},
             {"growth", "--most-mailboxes", "10", "--only", "mailboxes"},
             {"scan-speed", "--rounds", "0"}}) {
        std::vector<std::string> arguments{Program(command[0]), "--bin", "/nowhere"};
        arguments.insert(arguments.end(), command.begin() + 1, command.end());
        const auto done = test::Run(arguments);
        EXPECT_NE(done.status, 0) << command[0] << ' ' << command[1];
        EXPECT_THAT(done.errors, Not(HasSubstr("Traceback")));
        EXPECT_THAT(done.errors,
                    testing::AnyOf(HasSubstr("must be at least"), HasSubstr("there is no row")));
        EXPECT_EQ(done.output, "");
    }
}

TEST(CompareRowsTest, AreAllOfThemWhereNoneIsNamed) {
    const auto done = Python("from comparison import rows\nprint(rows.chosen(',') == rows.ALL)");
    EXPECT_EQ(done.output, "True\n") << done.errors;
}

TEST(CompareRowsTest, BringWhatTheyAreComparedWith) {
    const auto done = Python(
        "from comparison import rows\n"
        "print(*[row.key for row in rows.chosen('two-loops')])\n"
        "print(*[row.key for row in rows.chosen('memory-unix')])");
    EXPECT_EQ(done.output, "bare memory two-loops\nbare-unix memory-unix\n") << done.errors;
}

TEST(CompareReportTest, LatencyAtHalfTheRateIsThatOfTheBareResponderOverTheSameTransport) {
    const auto done = Python(
        "import argparse\n"
        "from comparison import report, rows\n"
        "def measured(row, p99):\n"
        "    run = {'answers_per_s': 100, 'latency_us': {'p50': 1, 'p99': p99}, 'other_cpu_s': 0,\n"
        "           'measured_s': 1, 'server': {'answers_per_cpu_s': 100, 'rss': 1}}\n"
        "    return rows.Measured(row, None, [run], [run])\n"
        "p99s = {'bare-unix': 2000, 'bare': 1000, 'memory-unix': 2400, 'memory': 1200,\n"
        "        'two-loops': 1300}\n"
        "report.show([measured(row, p99s[row.key]) for row in rows.ALL if row.key in p99s],\n"
        "            argparse.Namespace(half_rate=True, connections=1, mailboxes=1, rounds=1,\n"
        "                               duration=1))");
    EXPECT_THAT(done.output, HasSubstr("2.40 (1.20, <= 1.5)")) << done.errors;
    EXPECT_THAT(done.output, HasSubstr("1.20 (1.20, <= 1.5)"));
    EXPECT_THAT(done.output, HasSubstr("1.30 (1.30, <= 1.5)"));
}

/// A program that measures for a long time, with its scratch directories where a test sees them.
class MeasuringProgramTest : public testing::Test {
protected:
    void Start(std::vector<std::string> arguments, const std::string& sign) {
        arguments.insert(arguments.begin() + 1, {"--bin", test::BuildPath("bin").string()});
        arguments[0] = Program(arguments[0]);
        test::Process::Options options{scratch_ / "output"};
        std::filesystem::create_directory(scratch_ / "t");
        options.environment = {"TMPDIR=" + (scratch_ / "t").string()};
        process_.emplace(arguments, options);
        test::WaitUntil(
            sign, [&] { return !process_->IsRunning() || HasSaid(sign); }, scratch_ / "output",
            std::chrono::minutes(2));
    }

    bool HasSaid(const std::string& sign) const { return Output().find(sign) != std::string::npos; }
    std::string Output() const { return test::ReadFile(scratch_ / "output"); }

    /// The numbers of the processes that work in the scratch directories, by their command lines.
    std::string Processes(const std::string& name = "") const {
        return test::Run({"pgrep", "-f", name + ".*" + (scratch_ / "t").string()}).output;
    }

    /// Whether a process has used a tenth of a second of a processor, in user mode.
    static bool HasWorked(std::string pid) {
        pid.resize(pid.find('\n'));
        std::istringstream stat(test::ReadFile("/proc/" + pid + "/stat"));
        std::string word;
        for (int field = 1; field <= 14; ++field) stat >> word;
        return std::stol(word) >= sysconf(_SC_CLK_TCK) / 10;
    }

    test::ScratchDirectory scratch_;
    std::optional<test::Process> process_;
};

TEST_F(MeasuringProgramTest, SigtermStopsWhatItStartedAndRemovesItsFiles) {
    Start({"growth", "--only", "pauses", "--most-mailboxes", "1000", "--most-networks", "1000"},
          "round 1 of");
    EXPECT_NE(Processes(), "");
    process_->Signal(SIGTERM);
    EXPECT_EQ(process_->Wait(std::chrono::minutes(2)), 128 + SIGTERM) << Output();
    EXPECT_EQ(Processes(), "");
    EXPECT_TRUE(std::filesystem::is_empty(scratch_ / "t"));
    EXPECT_THAT(Output(), Not(HasSubstr("Traceback")));
}

TEST_F(MeasuringProgramTest, CompareSaysWhichServerDied) {
    Start({"compare", "--only", "bare", "--mailboxes", "10", "--duration", "3"}, "round 1 of");
    const std::string pid = Processes("policyd-responder");
    ASSERT_NE(pid, "") << Output();
    test::WaitUntil("that it is measured", [&] { return HasWorked(pid); });
    ASSERT_EQ(kill(std::stoi(pid), SIGKILL), 0);
    EXPECT_EQ(process_->Wait(std::chrono::minutes(2)), 1) << Output();
    EXPECT_THAT(Output(), HasSubstr("compare: bare responder, TCP: no process "));
    EXPECT_THAT(Output(), Not(HasSubstr("Traceback")));
}

class MailstoreTest : public testing::Test {
protected:
    test::Finished Make(std::vector<std::string> arguments) const {
        std::vector<std::string> command{test::ProgramPath("policyd-mailstore"), "make",
                                         scratch_ / "store", "--messages", "30"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        const auto done = test::Run(command);
        std::filesystem::remove_all(scratch_ / "store");
        return done;
    }

    test::ScratchDirectory scratch_;
};

TEST_F(MailstoreTest, SaysWhatItCouldNotWrite) {
    const std::string truth = scratch_ / "truth";
    EXPECT_EQ(Make({"--mailboxes", "2", "--truth", truth}).status, 0);
    EXPECT_THAT(test::ReadFile(truth), HasSubstr("user1@"));
    for (const char* path : {"/dev/full", "/nowhere/truth"}) {
        const auto done = Make({"--mailboxes", "2", "--truth", path});
        EXPECT_EQ(done.status, 1) << path;
        EXPECT_THAT(done.errors, HasSubstr(std::string("cannot write ") + path));
    }
}

TEST_F(MailstoreTest, RefusesStoresThatCannotBe) {
    for (const std::vector<std::string>& arguments :
         std::vector<std::vector<std::string>>{{"--mailboxes", "0"},
                                               {"--domains", "0"},
                                               {"--folders", "0"},
                                               {"--messages", "-1"},
                                               {"--named-sizes", "7"},
                                               {"--named-sizes", "nan"}}) {
        const auto done = Make(arguments);
        EXPECT_GT(done.status, 0) << arguments[0];
        EXPECT_LT(done.status, 128) << arguments[0];
        EXPECT_THAT(done.errors, HasSubstr(arguments[0])) << arguments[1];
    }
}

}  // namespace
}  // namespace policyd
