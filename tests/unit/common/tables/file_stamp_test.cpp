#include "common/tables/file_stamp.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/scratch_directory.hpp"

namespace policyd::tables {
namespace {

namespace fs = std::filesystem;

class FileStampTest : public testing::Test {
protected:
    /// As of a time when whatever is in the scratch directory was written long ago.
    FileStamp Stamp(FileStamp::Of what = FileStamp::Of::kContent) const {
        return FileStamp(path_, what, text::SystemWallTime() + std::chrono::seconds(10));
    }

    test::ScratchDirectory scratch_;
    const std::string path_ = scratch_.Write("table", "one");
};

TEST_F(FileStampTest, IsStillThatOfAFileThatNobodyTouched) {
    EXPECT_TRUE(Stamp().Exists());
    EXPECT_TRUE(Stamp().IsStillThatOf(path_));
}

TEST_F(FileStampTest, TellsOfAnotherContentAlsoOfTheSameSizeAndTime) {
    const FileStamp stamp = Stamp();
    const auto time = fs::last_write_time(path_);
    scratch_.Write("table", "two");
    fs::last_write_time(path_, time);
    EXPECT_FALSE(stamp.IsStillThatOf(path_));
}

TEST_F(FileStampTest, TellsOfAnotherFileInItsPlace) {
    for (const auto what : {FileStamp::Of::kContent, FileStamp::Of::kPlace}) {
        const FileStamp stamp = Stamp(what);
        fs::rename(scratch_.Write("other", "one"), path_);
        EXPECT_FALSE(stamp.IsStillThatOf(path_));
    }
    const FileStamp stamp = Stamp();
    fs::remove(path_);
    EXPECT_FALSE(stamp.IsStillThatOf(path_));
    EXPECT_FALSE(Stamp().Exists());
    EXPECT_FALSE(Stamp().IsStillThatOf(path_)) << "there may have been one in between";
}

TEST_F(FileStampTest, OfAPlaceDoesNotMindWhatIsWrittenThere) {
    const FileStamp stamp = Stamp(FileStamp::Of::kPlace);
    scratch_.Write("table", "another text");
    EXPECT_TRUE(stamp.IsStillThatOf(path_));
}

TEST_F(FileStampTest, TellsNothingOfAFileThatWasJustWritten) {
    EXPECT_FALSE(FileStamp(path_).IsStillThatOf(path_));
}

TEST_F(FileStampTest, TellsNothingOfAPipeAndDoesNotOpenIt) {
    fs::remove(path_);
    ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
    EXPECT_TRUE(Stamp().Exists());
    EXPECT_FALSE(Stamp().IsStillThatOf(path_));
}

}  // namespace
}  // namespace policyd::tables
