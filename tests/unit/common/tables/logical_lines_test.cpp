#include "common/tables/logical_lines.hpp"

#include <gmock/gmock.h>

#include "common/config/config_error.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::tables {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Read {
    std::vector<std::string> lines;  ///< "number:text"
    std::vector<std::string> warnings;
};

Read ReadAll(std::string_view content) {
    Read read;
    const WarningSink warn = [&read](const std::string& text) { read.warnings.push_back(text); };
    LogicalLines lines("file", content, warn);
    while (const auto line = lines.Next())
        read.lines.push_back(std::to_string(line->first) + ":" + std::string(line->text));
    return read;
}

TEST(LogicalLinesTest, LeavesOutCommentsAndEmptyLines) {
    EXPECT_THAT(ReadAll("# no\n\n \t\n  # no\na # yes\n").lines, ElementsAre("5:a # yes"));
    EXPECT_THAT(ReadAll("").lines, IsEmpty());
}

TEST(LogicalLinesTest, JoinsContinuationsAcrossCommentsAndEmptyLines) {
    EXPECT_THAT(ReadAll("a\n b\n#c\n\n\td\ne").lines, ElementsAre("1:a b\td", "6:e"));
}

TEST(LogicalLinesTest, AnEmptyLineAloneEndsALogicalLineThatNothingContinues) {
    EXPECT_THAT(ReadAll("a\n\nb\n").lines, ElementsAre("1:a", "3:b"));
}

TEST(LogicalLinesTest, WarnsOfAByteOrderMarkWhichIsAPartOfTheFirstLine) {
    const Read read = ReadAll("\ufeffa b\nc\n");
    EXPECT_THAT(read.lines, ElementsAre("1:\ufeffa b", "2:c"));
    EXPECT_THAT(read.warnings, ElementsAre(HasSubstr("file:1: begins with a byte order mark")));
    EXPECT_THAT(ReadAll("\ufeff# no\n").lines, ElementsAre("1:\ufeff# no"));
}

TEST(LogicalLinesTest, WarnsOfAContinuationOfNothingAndGoesOn) {
    const Read read = ReadAll(" a\n b\nc\n");
    EXPECT_THAT(read.lines, ElementsAre("3:c"));
    EXPECT_THAT(read.warnings, ElementsAre(HasSubstr("file:1: ")));
}

TEST(ReadTableFileTest, SaysWhyAFileCannotBeRead) {
    const test::ScratchDirectory scratch;
    EXPECT_EQ(ReadTableFile(scratch.Write("a", "text\n")), "text\n");
    EXPECT_THROW(ReadTableFile(scratch / "missing"), config::ConfigError);
    EXPECT_THROW(ReadTableFile(scratch.Path()), config::ConfigError);
}

/// A table that seemed to end where the disk is bad would be one without the rows behind it.
TEST(ReadTableFileTest, AReadThatFailsIsNoEndOfTheFile) {
    constexpr const char* kCannotBeReadAtItsBeginning = "/proc/self/mem";
    try {
        ReadTableFile(kCannotBeReadAtItsBeginning);
        FAIL() << "was read";
    } catch (const config::ConfigError& error) {
        EXPECT_THAT(error.what(), HasSubstr("cannot be read: Input/output error"));
    }
}

}  // namespace
}  // namespace policyd::tables
