#include "common/log/logging.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::log {
namespace {

using testing::HasSubstr;
using testing::Not;

class LoggingTest : public testing::Test {
protected:
    ~LoggingTest() override { Shutdown(); }

    void LogToFile(const std::string& level) {
        Configure("policyd", {.destination = "file:" + path_.string(), .level = level});
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

TEST_F(LoggingTest, CountsLinesThatTheDiskRefuses) {
    Configure("policyd", {.destination = "file:/dev/full", .level = "info"});
    const std::uint64_t before = LinesLost();
    Info("lost");
    Info("lost too");
    Shutdown();
    EXPECT_EQ(LinesLost(), before + 2);
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
