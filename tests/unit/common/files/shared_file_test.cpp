#include "common/files/shared_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>

#include "tests/support/scratch_directory.hpp"

namespace policyd::files {
namespace {

constexpr uid_t kOwner = 12'345;
constexpr gid_t kGroup = 23'456;

class SharedFileTest : public testing::Test {
protected:
    /// What becomes of a file that is made with the umask of a login shell.
    struct stat Made() {
        const std::string path = directory + "/file";
        const mode_t former = umask(0022);
        const int made = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
        umask(former);
        EXPECT_GE(made, 0);
        ShareAsItsDirectory(made, path);
        struct stat status {};
        EXPECT_EQ(fstat(made, &status), 0);
        close(made);
        return status;
    }

    test::ScratchDirectory scratch;
    const std::string directory = scratch.Path();
};

TEST_F(SharedFileTest, TheGroupThatMayMakeFilesThereMayWriteIt) {
    ASSERT_EQ(chmod(directory.c_str(), 0770), 0);
    EXPECT_EQ(Made().st_mode & 0777, 0660u);
}

TEST_F(SharedFileTest, ADirectoryOfOneUserLeavesItToTheUmask) {
    ASSERT_EQ(chmod(directory.c_str(), 0750), 0);
    EXPECT_EQ(Made().st_mode & 0777, 0640u);
}

TEST_F(SharedFileTest, WhatRootMakesByHandBelongsToWhomItsDirectoryDoes) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_EQ(chown(directory.c_str(), kOwner, kGroup), 0);
    ASSERT_EQ(chmod(directory.c_str(), 02770), 0);
    const struct stat made = Made();
    EXPECT_EQ(made.st_uid, kOwner);
    EXPECT_EQ(made.st_gid, kGroup);
    EXPECT_EQ(made.st_mode & 0777, 0660u);
}

TEST_F(SharedFileTest, ADirectoryThatIsGoneIsToldOf) {
    EXPECT_THROW(ShareAsItsDirectory(STDERR_FILENO, directory + "/gone/file"), std::system_error);
}

}  // namespace
}  // namespace policyd::files
