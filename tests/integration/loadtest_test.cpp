#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/mariadb_server.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd {
namespace {

using testing::HasSubstr;

/// policyd-load and the bare responder, as programs.
class LoadTest : public testing::Test {
protected:
    explicit LoadTest(std::vector<std::string> more = {}) {
        std::vector<std::string> command{test::ProgramPath("policyd-responder"), "--listen",
                                         server_};
        command.insert(command.end(), more.begin(), more.end());
        responder_.emplace(command, test::Process::Options{scratch_ / "responder.log"});
        test::WaitUntil(
            "the responder to listen", [&] { return test::CanConnect(scratch_ / "policy.sock"); },
            scratch_ / "responder.log");
    }

    test::Finished Load(std::vector<std::string> arguments) const {
        std::vector<std::string> command{test::ProgramPath("policyd-load"),
                                         "--server",
                                         server_,
                                         "--warm-up",
                                         "0",
                                         "--connections",
                                         "5"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        return test::Run(command);
    }

    std::string Path(const std::string& name) const { return scratch_ / name; }

    test::ScratchDirectory scratch_;
    const std::string server_ = "unix:" + Path("policy.sock");
    std::optional<test::Process> responder_;
};

TEST_F(LoadTest, EveryPolicyScenarioRunsAndFindsTheResponderRight) {
    for (const char* scenario : {"steady", "sessions", "mailbomb", "newcomers", "burst"}) {
        const auto done =
            Load({scenario, "--requests", "200", "--expect", "dunno", "--burst-every", "0.01"});
        EXPECT_EQ(done.status, 0) << scenario << done.output << done.errors;
        EXPECT_THAT(done.output, HasSubstr(scenario));
        EXPECT_THAT(done.output, HasSubstr("answers a second"));
    }
}

TEST_F(LoadTest, WritesJsonThatOthersCanRead) {
    const auto done = Load({"--requests", "100", "--server-pid", std::to_string(responder_->Pid()),
                            "--json", Path("run.json"), "--quiet"});
    EXPECT_EQ(done.status, 0) << done.errors;
    EXPECT_EQ(done.output, "");
    const auto read =
        test::Run({"python3", "-c",
                   "import json, sys\n"
                   "run = json.load(open(sys.argv[1]))\n"
                   "print(run['answers'], run['kinds']['RCPT']['verdicts']['dunno'],\n"
                   "      run['server']['processes'], run['faults']['malformed'])",
                   Path("run.json")});
    EXPECT_EQ(read.output, "100 100 1 0\n") << read.errors;
}

TEST_F(LoadTest, TheExitStatusSaysWhatWasWrong) {
    EXPECT_EQ(Load({"--requests", "10", "--expect", "reject"}).status, 1);
    EXPECT_EQ(Load({"--requests", "10", "--unknown-option"}).status, 64);
    EXPECT_EQ(Load({"nonesuch"}).status, 64);
    for (const char* rate : {"-5", "0", "nan", "inf", "1e9"})
        EXPECT_EQ(Load({"--requests", "10", "--rate", rate}).status, 64) << rate;
    EXPECT_EQ(Load({"--requests", "10", "--recipients", "file:/none"}).status, 66);
    EXPECT_EQ(Load({"--requests", "10", "--json", "/none/run.json"}).status, 73);
    EXPECT_EQ(
        test::Run({test::ProgramPath("policyd-load"), "--server", "inet:host.invalid:1"}).status,
        66);
    const auto few = test::Run({"sh", "-c", "ulimit -n 60; exec \"$0\" --server \"$1\"",
                                test::ProgramPath("policyd-load"), server_});
    EXPECT_EQ(few.status, 66);
    EXPECT_THAT(few.errors, HasSubstr("too few descriptors for 50 connections"));
    EXPECT_EQ(Load({"smtp", "--requests", "10"}).status, 64);
    const auto nobody = test::Run({test::ProgramPath("policyd-load"), "--server", "unix:/none"});
    EXPECT_EQ(nobody.status, 69);
    EXPECT_THAT(nobody.errors, HasSubstr("unix:/none: no such file or directory"));
}

TEST_F(LoadTest, RefusesValuesThatMakeNoSenseAndSaysWhatWould) {
    for (const char* seed : {"-1", "18446744073709551615", "1e3"})
        EXPECT_EQ(Load({"--requests", "1", "--seed", seed}).status, 64) << seed;
    const auto source = Load({"--requests", "1", "--recipients", "foo"});
    EXPECT_EQ(source.status, 64);
    for (const char* known : {"generated:N", "file:PATH", "mysql:PATH", "sqlite:PATH"})
        EXPECT_THAT(source.errors, HasSubstr(known));
    EXPECT_EQ(Load({"--requests", "1", "--senders", "generated:1000000000000"}).status, 64);
    const auto process = Load({"--requests", "1", "--server-pid", "0"});
    EXPECT_EQ(process.status, 64);
    EXPECT_LT(process.errors.size(), 200U) << process.errors;
}

TEST_F(LoadTest, TheScenarioMayStandBehindAnyOption) {
    const std::string pid = std::to_string(responder_->Pid());
    const auto done = Load({"--requests", "10", "--server-pid", pid + "," + pid, "burst"});
    EXPECT_EQ(done.status, 0) << done.errors;
    EXPECT_THAT(done.output, HasSubstr("burst, "));
}

TEST_F(LoadTest, ReportsEscapeWhatIsNotUtf8) {
    const std::string names = scratch_.Write("names", "jos\xe9@example.com\n").string();
    const auto done = Load({"--requests", "1", "--recipients", "file:" + names, "--expect",
                            "reject", "--json", Path("run.json")});
    EXPECT_EQ(done.status, 1);
    EXPECT_THAT(done.output, HasSubstr("<jos\\xe9@example.com>"));
    const auto read = test::Run({"python3", "-c",
                                 "import json, sys; json.load(open(sys.argv[1], encoding='utf-8'))",
                                 Path("run.json")});
    EXPECT_EQ(read.status, 0) << read.errors;
}

TEST_F(LoadTest, ARunWithoutAnyAnswerIsWrongAndItsRateIsDrawn) {
    responder_->Signal(SIGSTOP);
    const auto done = Load({"--duration", "0.2", "--time-limit", "0.3", "--plot", Path("none")});
    responder_->Signal(SIGCONT);
    EXPECT_EQ(done.status, 1) << done.errors;
    EXPECT_THAT(test::ReadFile(Path("none-rate.svg")), HasSubstr("</svg>")) << done.errors;
    EXPECT_FALSE(std::filesystem::exists(Path("none-latency.svg")));
}

TEST_F(LoadTest, TheSummaryOnATerminalIsNotMixedWithTheProgress) {
    const auto shown =
        test::Run({"python3", "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]))",
                   test::ProgramPath("policyd-load"), "--server", server_, "--warm-up", "0",
                   "--duration", "1.2"});
    EXPECT_EQ(shown.status, 0) << shown.output << shown.errors;
    EXPECT_THAT(shown.output, HasSubstr("faults\x1b[K\r\x1b[Ksteady, "));
}

TEST_F(LoadTest, DrawsLatencyAndRate) {
    const auto done = Load({"--requests", "300", "--plot", Path("it's a plot")});
    EXPECT_EQ(done.status, 0) << done.errors;
    for (const char* name : {"it's a plot-latency.svg", "it's a plot-rate.svg"})
        EXPECT_THAT(test::ReadFile(Path(name)), HasSubstr("</svg>")) << done.errors;
    EXPECT_THAT(test::ReadFile(Path("it's a plot-latency.dat")), HasSubstr("300 "));
}

TEST_F(LoadTest, ReadsTheMailboxesOfASqliteDataBase) {
    test::Run({"sqlite3", Path("mail.sqlite")},
              "CREATE TABLE users (email TEXT); INSERT INTO users VALUES ('ann@example.com'),"
              " (NULL), (''), ('bob@example.com');");
    const std::string table =
        "sqlite:" +
        scratch_.Write("t.cf", "dbpath = " + Path("mail.sqlite") + "\nquery = x\n").string();
    const auto printed = Load({"--print-recipients", "--recipients", table});
    EXPECT_EQ(printed.output, "ann@example.com\nbob@example.com\n") << printed.errors;
    EXPECT_EQ(Load({"--recipients", table, "--requests", "10"}).status, 0);

    EXPECT_EQ(Load({"--print-recipients", "--recipients", table, "--recipients-query",
                    "SELECT 'a@b', 'c@d'"})
                  .output,
              "a@b\nc@d\n");

    const auto broken = Load({"--recipients", table, "--requests", "10", "--recipients-query",
                              "SELECT 'ann' || char(10) || '@example.com'"});
    EXPECT_EQ(broken.status, 66);
    EXPECT_THAT(broken.errors, HasSubstr("no address: ann"));

    const auto nobody = Load({"--recipients", table, "--requests", "10", "--recipients-query",
                              "SELECT email FROM users WHERE email = 'x'"});
    EXPECT_EQ(nobody.status, 66);
    EXPECT_THAT(nobody.errors, HasSubstr("selects nothing"));
}

TEST_F(LoadTest, ReadsTheMailboxesOfAMysqlDataBase) {
    test::MariaDbServer server;
    server.Execute(
        "CREATE DATABASE mail; CREATE TABLE mail.boxes (name VARCHAR(99));"
        "INSERT INTO mail.boxes VALUES ('ann@example.com'), ('josé@example.com')");
    const std::string table =
        "mysql:" + scratch_
                       .Write("t.cf", "hosts = unix:" + Path("nobody") + ' ' + server.Hosts() +
                                          "\nuser = root\ndbname = mail\nquery = x\n")
                       .string();
    const auto printed = Load({"--print-recipients", "--recipients", table, "--recipients-query",
                               "SELECT name FROM boxes ORDER BY name"});
    EXPECT_EQ(printed.output, "ann@example.com\njosé@example.com\n") << printed.errors;
    EXPECT_EQ(Load({"--print-recipients", "--recipients", table, "--recipients-query",
                    "SELECT 'a@b', 'c@d'"})
                  .output,
              "a@b\nc@d\n");
    // One of two servers is asked first, by chance.
    bool has_logged = false;
    for (int i = 0; i < 20 && !has_logged; ++i) {
        const auto one = Load(
            {"--print-recipients", "--recipients", table, "--recipients-query", "SELECT 'a@b'"});
        EXPECT_EQ(one.output, "a@b\n");
        has_logged = one.errors.find("unavailable: mysql") != std::string::npos;
    }
    EXPECT_TRUE(has_logged);
}

TEST_F(LoadTest, AnInterruptEndsTheRunWithItsSummary) {
    const std::string output = Path("load.log");
    test::Process load({test::ProgramPath("policyd-load"), "--server", server_, "--warm-up", "0",
                        "--duration", "1000", "--progress"},
                       {output});
    test::WaitUntil(
        "progress", [&] { return test::ReadFile(output).find(" faults") != std::string::npos; },
        output);
    load.Signal(SIGINT);
    EXPECT_EQ(load.Wait(), 0);
    EXPECT_THAT(test::ReadFile(output), HasSubstr("answers a second"));
}

TEST_F(LoadTest, TheSecondSignalEndsTheProgramWhicheverTheFirstWas) {
    const std::string output = Path("load.log");
    test::Process load({test::ProgramPath("policyd-load"), "--server", server_, "--warm-up", "0",
                        "--duration", "1000", "--progress", "--time-limit", "1000"},
                       {output});
    test::WaitUntil(
        "progress", [&] { return test::ReadFile(output).find(" faults") != std::string::npos; },
        output);
    responder_->Signal(SIGSTOP);
    load.Signal(SIGINT);
    EXPECT_EQ(load.Wait(std::chrono::milliseconds(300)), std::nullopt);
    load.Signal(SIGTERM);
    EXPECT_EQ(load.Wait(), 128 + SIGTERM);
    responder_->Signal(SIGCONT);
}

TEST_F(LoadTest, WhatWasDueAndNobodyWasFreeToSendIsTold) {
    responder_->Signal(SIGSTOP);
    const auto done = Load(
        {"--rate", "1000", "--duration", "1", "--time-limit", "0.4", "--json", Path("run.json")});
    responder_->Signal(SIGCONT);
    EXPECT_EQ(done.status, 1);
    EXPECT_THAT(done.output, HasSubstr("  not sent        "));
    const auto read = test::Run({"python3", "-c",
                                 "import json, sys\n"
                                 "run = json.load(open(sys.argv[1]))\n"
                                 "faults = sum(run['faults']['not_answered'].values())\n"
                                 "print(run['overdue'] + faults + run['answers'] > 950,\n"
                                 "      0 < sum(i['faults'] for i in run['intervals']) <= faults)",
                                 Path("run.json")});
    EXPECT_EQ(read.output, "True True\n") << read.errors << done.output;
}

TEST_F(LoadTest, AServerThatDiesUnderTheLoadLeavesAReport) {
    const std::string output = Path("load.log");
    test::Process load({test::ProgramPath("policyd-load"), "--server", server_, "--warm-up", "0",
                        "--duration", "3", "--progress", "--server-pid",
                        std::to_string(responder_->Pid()), "--json", Path("run.json")},
                       {output});
    test::WaitUntil(
        "progress", [&] { return test::ReadFile(output).find(" faults") != std::string::npos; },
        output);
    responder_->Signal(SIGKILL);
    EXPECT_EQ(responder_->Wait(), 128 + SIGKILL);
    EXPECT_EQ(load.Wait(), 1);
    EXPECT_THAT(test::ReadFile(output), HasSubstr("is running any more"));
    EXPECT_THAT(test::ReadFile(Path("run.json")), HasSubstr("\"answers\""));
}

TEST_F(LoadTest, HelpAndManualPageNameTheSameOptions) {
    const std::string help = Load({"--help"}).output;
    std::string manual = test::ReadFile(test::SourcePath("docs/policyd-load.1"));
    for (std::size_t at; (at = manual.find("\\-")) != std::string::npos;) manual.erase(at, 1);
    std::size_t options = 0;
    for (std::size_t at = 0; (at = help.find("--", at)) != std::string::npos;) {
        const std::size_t end = help.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at);
        const std::string option = help.substr(at, end - at);
        EXPECT_THAT(manual, HasSubstr("--" + option.substr(2)));
        at = end;
        ++options;
    }
    EXPECT_GT(options, 30U);
}

class RedisLoadTest : public LoadTest {
protected:
    RedisLoadTest() : LoadTest({"--redis", Redis().UnixEndpoint().ToText()}) {}

    static test::RedisServer& Redis() {
        static test::RedisServer redis;
        return redis;
    }
};

TEST_F(RedisLoadTest, TheResponderAsksRedisOnceForEachRequest) {
    for (const char* value : {"", "some value"}) {
        if (*value != '\0') Redis().Command({"SET", "policyd-responder", value});
        Redis().Command({"CONFIG", "RESETSTAT"});
        const auto done = Load({"--requests", "500", "--expect", "DUNNO"});
        EXPECT_EQ(done.status, 0) << done.output;
        EXPECT_THAT(Redis().Command({"INFO", "commandstats"}), HasSubstr("cmdstat_get:calls=500,"));
    }
}

TEST(CompareTest, MeasuresEveryWorkOfPolicydAgainstTheResponderAndFindsItRight) {
    const test::ScratchDirectory scratch;
    const std::string compare = (test::SourcePath("loadtest/compare")).string();
    const auto done =
        test::Run({compare, "--bin", test::BuildPath("bin").string(), "--rounds", "1", "--duration",
                   "1", "--mailboxes", "40", "--connections", "3", "--half-rate", "--only",
                   "memory,redis,sessions,cold", "--json", scratch / "table.json"},
                  "", std::chrono::minutes(5));
    EXPECT_EQ(done.status, 0) << done.output << done.errors;
    for (const char* row :
         {"bare responder, TCP ", "policyd, RCPT from memory, TCP ",
          "policyd, RCPT with one Redis read, TCP ", "policyd, sessions with reservations, TCP ",
          "policyd, every key new, MySQL, TCP "})
        EXPECT_THAT(done.output, HasSubstr(std::string("| ") + row));
    EXPECT_THAT(test::ReadFile(scratch / "table.json"), HasSubstr("\"answers_per_cpu_s\""));
}

}  // namespace
}  // namespace policyd
