#include "common/files/read_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <system_error>

#include "tests/support/scratch_directory.hpp"

namespace policyd::files {
namespace {

std::string All(const std::string& path) {
    std::string bytes;
    ReadFile(path, [&bytes](std::string_view part) {
        bytes += part;
        return true;
    });
    return bytes;
}

int ReasonFor(const std::string& path) {
    try {
        All(path);
    } catch (const std::system_error& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr(path));
        return error.code().value();
    }
    return 0;
}

TEST(ReadFileTest, GivesAllBytesOfAFileOfAnySize) {
    const test::ScratchDirectory scratch;
    EXPECT_EQ(All(scratch.Write("empty", "")), "");
    std::string many(300'000, 'x');
    many += std::string("\0\n", 2);
    EXPECT_EQ(All(scratch.Write("many", many)), many);
}

TEST(ReadFileTest, GoesNoFurtherThanIsWanted) {
    const test::ScratchDirectory scratch;
    std::size_t taken = 0;
    ReadFile(scratch.Write("many", std::string(300'000, 'x')), [&taken](std::string_view part) {
        taken += part.size();
        return false;
    });
    EXPECT_GT(taken, 0u);
    EXPECT_LT(taken, 300'000u);
}

TEST(ReadFileTest, SaysWhyItCannotReadToTheEnd) {
    const test::ScratchDirectory scratch;
    EXPECT_EQ(ReasonFor(scratch / "missing"), ENOENT);
    EXPECT_EQ(ReasonFor(scratch.Path()), EISDIR);
    EXPECT_EQ(ReasonFor("/proc/self/mem"), EIO);
}

}  // namespace
}  // namespace policyd::files
