#include "common/log/logging.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <climits>
#include <filesystem>

#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::log {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

class LoggingTest : public testing::Test {
protected:
    ~LoggingTest() override { Shutdown(); }

    void LogToFile(const std::string& level) {
        Configure("policyd", {.destination = "file:" + path_.string(), .level = level});
    }

    /// Into a pipe that is full already. Returns its other end, which is to be closed.
    int LogToWhoTakesNothing() {
        EXPECT_EQ(mkfifo(path_.c_str(), 0600), 0);
        const int reader = open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        EXPECT_GE(reader, 0);
        LogToFile("info");
        for (int i = 0; i < 3; ++i) Info("{}", std::string(PIPE_BUF * 20, 'x'));
        return reader;
    }

    test::ScratchDirectory scratch_;
    std::filesystem::path path_ = scratch_ / "policyd.log";
};

TEST_F(LoggingTest, WritesLinesOfTheConfiguredLevelAndAbove) {
    LogToFile("warning");
    Info("quiet");
    Warning("loud {}", 7);
    Shutdown();

    const std::string written = test::ReadFile(path_);
    EXPECT_THAT(written, HasSubstr("policyd["));
    EXPECT_THAT(written, HasSubstr("warning: loud 7\n"));
    EXPECT_THAT(written, Not(HasSubstr("quiet")));
}

TEST_F(LoggingTest, AnEndDoesNotWaitForWhoTakesNothing) {
    const int reader = LogToWhoTakesNothing();
    testing::internal::CaptureStderr();
    Shutdown();
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("the last lines are lost"));
    close(reader);  // so that the writer fails, and ends
}

TEST_F(LoggingTest, ChangesOfDestinationDoNotWaitForWhoTakesNothingAndTheLastOneCounts) {
    const int reader = LogToWhoTakesNothing();
    std::filesystem::path other;
    const auto began = std::chrono::steady_clock::now();
    for (const char* name : {"a.log", "b.log", "c.log"}) {
        other = scratch_ / name;
        Configure("policyd", {.destination = "file:" + other.string(), .level = "info"});
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
    Info("before");
    close(reader);  // so that the writer fails
    test::WaitUntil("lines in the new file", [&] {
        Info("after");
        return test::ReadFile(other).find("after") != std::string::npos;
    });
    EXPECT_THAT(test::ReadFile(other), HasSubstr("before"));
    // Nothing, or what was still to be written when it had given up the reader.
    for (const char* name : {"a.log", "b.log"})
        EXPECT_THAT(test::ReadFile(scratch_ / name),
                    Not(AnyOf(HasSubstr("before"), HasSubstr("after"))));
}

TEST_F(LoggingTest, MakesTheFileUnreadableForOthers) {
    LogToFile("info");
    const auto others =
        std::filesystem::status(path_).permissions() & std::filesystem::perms::others_all;
    EXPECT_EQ(others, std::filesystem::perms::none);
}

TEST_F(LoggingTest, GoesOnInANewFileAfterRotation) {
    LogToFile("info");
    Info("before");
    const auto rotated = scratch_ / "policyd.log.1";
    test::WaitUntil("the first line", [&] { return !test::ReadFile(path_).empty(); });
    std::filesystem::rename(path_, rotated);
    Reopen();
    Info("after");
    Shutdown();

    EXPECT_THAT(test::ReadFile(rotated), HasSubstr("before"));
    EXPECT_THAT(test::ReadFile(rotated), Not(HasSubstr("after")));
    EXPECT_THAT(test::ReadFile(path_), HasSubstr("after"));
}

TEST_F(LoggingTest, KeepsTheOldFileWhenTheNewOneCannotBeOpened) {
    std::filesystem::create_directory(scratch_ / "gone");
    path_ = scratch_ / "gone" / "policyd.log";
    LogToFile("info");
    std::filesystem::rename(scratch_ / "gone", scratch_ / "kept");
    const std::uint64_t lost_before = LinesLost();
    Reopen();
    Info("after");
    Shutdown();

    EXPECT_EQ(LinesLost(), lost_before);
    const std::string kept = test::ReadFile(scratch_ / "kept" / "policyd.log");
    EXPECT_THAT(kept, HasSubstr("error: log: cannot be reopened: "));
    EXPECT_THAT(kept, HasSubstr("info: after"));
}

TEST_F(LoggingTest, RootWritesThroughNoLinkOfAnother) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    const auto other = scratch_.Write("other", "");
    const auto directory = scratch_ / "log";
    std::filesystem::create_directory(directory);
    ASSERT_EQ(chown(directory.c_str(), 12'345, 12'345), 0);
    path_ = directory / "policyd.log";
    LogToFile("info");
    Info("before");
    const auto rotated = directory / "policyd.log.1";
    test::WaitUntil("the first line", [&] { return !test::ReadFile(path_).empty(); });
    std::filesystem::rename(path_, rotated);
    std::filesystem::create_symlink(other, path_);
    ASSERT_EQ(lchown(path_.c_str(), 12'345, 12'345), 0);
    Reopen();
    Info("after");
    Shutdown();
    EXPECT_THAT(test::ReadFile(rotated), HasSubstr("is a symbolic link"));
    EXPECT_THAT(test::ReadFile(rotated), HasSubstr("after"));
    EXPECT_THROW(LogToFile("info"), std::runtime_error);
    EXPECT_EQ(test::ReadFile(other), "");
}

TEST_F(LoggingTest, SwitchesItsDestinationWhileRunning) {
    LogToFile("info");
    const auto first = path_;
    path_ = scratch_ / "second.log";
    LogToFile("debug");
    Debug("detail");
    Shutdown();

    EXPECT_THAT(test::ReadFile(first), Not(HasSubstr("detail")));
    EXPECT_THAT(test::ReadFile(path_), HasSubstr("debug: detail"));
}

TEST_F(LoggingTest, TellsWhoWaitsOnStderrAsWellWhatIsWrong) {
    testing::internal::CaptureStderr();
    Configure("policyd-scan",
              {.destination = "file:" + path_.string(), .warnings_on_stderr = true});
    Info("done");
    Error("in use");
    Shutdown();

    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_THAT(said, HasSubstr("error: in use\n"));
    EXPECT_THAT(said, Not(HasSubstr("done")));
    EXPECT_THAT(test::ReadFile(path_), HasSubstr("error: in use\n"));
}

TEST_F(LoggingTest, SaysOnceOnStderrWhatIsLoggedThereAnyway) {
    testing::internal::CaptureStderr();
    Configure("policyd-scan", {.destination = "stderr", .warnings_on_stderr = true});
    Error("in use");
    Shutdown();
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_THAT(said, HasSubstr("in use"));
    EXPECT_EQ(said.find("in use"), said.rfind("in use"));
}

TEST_F(LoggingTest, WhatEndsAProgramIsAnErrorForTheJournalAlone) {
    testing::internal::CaptureStderr();
    SayOnStderr("policyd: a\nb\n");
    struct stat status {};
    ASSERT_EQ(fstat(STDERR_FILENO, &status), 0);
    const std::string stream = std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino);
    setenv("JOURNAL_STREAM", stream.c_str(), 1);
    SayOnStderr("policyd: a\nb\n");
    unsetenv("JOURNAL_STREAM");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "policyd: a\nb\n<3>policyd: a\n<3>b\n");
}

TEST_F(LoggingTest, ALineThatFollowsOneThatWasCutOffIsALineOfItsOwn) {
    const auto until_written = [this](const std::string& text) {
        test::WaitUntil(text,
                        [&] { return test::ReadFile(path_).find(text) != std::string::npos; });
    };
    signal(SIGXFSZ, SIG_IGN);
    const std::uint64_t lost = LinesLost();
    LogToFile("info");
    Info("whole");
    until_written("whole\n");
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit little = before;
    little.rlim_cur = std::filesystem::file_size(path_) + 80;
    setrlimit(RLIMIT_FSIZE, &little);
    Info("{}", std::string(100, 'x'));
    until_written("xx");
    Info("lost");
    test::WaitUntil("the loss", [lost] { return LinesLost() == lost + 2; });
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    Info("after");
    Info("that");
    Shutdown();
    EXPECT_THAT(test::ReadFile(path_),
                testing::ContainsRegex("whole\n[^\n]*xx\n[^\n]*after\n[^\n]*that\n$"));
}

TEST_F(LoggingTest, CountsLinesThatTheDiskRefuses) {
    Configure("policyd", {.destination = "file:/dev/full", .level = "info"});
    const std::uint64_t before = LinesLost();
    Info("lost");
    Info("lost too");
    Shutdown();
    EXPECT_EQ(LinesLost(), before + 2);
}

/// For its life, stderr is a pipe that is full, and that nobody reads until Drain().
class FullStderr {
public:
    FullStderr() : before_(dup(STDERR_FILENO)) {
        EXPECT_EQ(pipe2(ends_, O_NONBLOCK | O_CLOEXEC), 0);
        const std::string some(PIPE_BUF, 'x');
        while (write(ends_[1], some.data(), some.size()) > 0) {
        }
        fcntl(ends_[1], F_SETFL, 0);
        dup2(ends_[1], STDERR_FILENO);
    }
    ~FullStderr() {
        dup2(before_, STDERR_FILENO);
        for (const int descriptor : {before_, ends_[0], ends_[1]}) close(descriptor);
    }
    std::string Drain() const {
        std::string all, some(PIPE_BUF, ' ');
        for (ssize_t size; (size = read(ends_[0], some.data(), some.size())) > 0;)
            all.append(some, 0, static_cast<std::size_t>(size));
        return all;
    }

private:
    const int before_;
    int ends_[2] = {-1, -1};
};

TEST_F(LoggingTest, LosesLinesThatNobodyTakesAndGoesOnWhenTheyAreTakenAgain) {
    const FullStderr reader;
    const std::uint64_t before = LinesLost();
    Configure("policyd", {.destination = "stderr", .level = "info"});
    for (int i = 0; i < 100; ++i) Info("lost");
    test::WaitUntil("the loss", [&] { return LinesLost() == before + 100; });
    Configure("policyd", {.destination = "stderr", .level = "debug"});
    reader.Drain();
    Debug("taken");
    Shutdown();
    EXPECT_THAT(reader.Drain(), HasSubstr("debug: taken"));
}

TEST_F(LoggingTest, RefusesUnknownDestinationsAndLevelsAndStaysAsItWas) {
    LogToFile("info");
    EXPECT_THROW(Configure("policyd", {.destination = "printer", .level = "info"}),
                 std::invalid_argument);
    EXPECT_THROW(Configure("policyd", {.destination = "stderr", .level = "loud"}),
                 std::invalid_argument);
    EXPECT_THROW(Configure("policyd", {.destination = "file:/nowhere/at/all", .level = "info"}),
                 std::runtime_error);
    Info("still here");
    Shutdown();
    EXPECT_THAT(test::ReadFile(path_), HasSubstr("still here"));
}

}  // namespace
}  // namespace policyd::log
