#include "common/files/shared_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

TEST_F(SharedFileTest, AFileOfAnotherDirectoryStaysAsItIs) {
    const std::string elsewhere = directory + "/elsewhere";
    const std::string shared = directory + "/shared";
    for (const std::string& each : {elsewhere, shared}) ASSERT_EQ(mkdir(each.c_str(), 0750), 0);
    ASSERT_EQ(chmod(shared.c_str(), 0770), 0);
    const int made = open((elsewhere + "/file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_GE(made, 0);
    const auto mode_after_sharing = [&] {
        ShareAsItsDirectory(made, shared + "/file");
        struct stat status {};
        EXPECT_EQ(fstat(made, &status), 0);
        return status.st_mode & 0777;
    };
    EXPECT_EQ(mode_after_sharing(), 0600u) << "no such file there";
    ASSERT_EQ(symlink("../elsewhere/file", (shared + "/file").c_str()), 0);
    EXPECT_EQ(mode_after_sharing(), 0600u) << "a symbolic link";
    ASSERT_EQ(unlink((shared + "/file").c_str()), 0);
    ASSERT_EQ(link((elsewhere + "/file").c_str(), (shared + "/file").c_str()), 0);
    EXPECT_EQ(mode_after_sharing(), 0600u) << "another name";
    ASSERT_EQ(unlink((elsewhere + "/file").c_str()), 0);
    EXPECT_EQ(mode_after_sharing(), 0660u);
    close(made);
}

TEST_F(SharedFileTest, ARootThatMayGiveNothingAwayKeepsIt) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_EQ(chown(directory.c_str(), kOwner, kGroup), 0);
    const pid_t child = fork();
    if (child == 0) {
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct capabilities[2];
        const bool is_read = syscall(SYS_capget, &header, capabilities) == 0;
        capabilities[CAP_TO_INDEX(CAP_CHOWN)].effective &= ~CAP_TO_MASK(CAP_CHOWN);
        const bool is_dropped = is_read && syscall(SYS_capset, &header, capabilities) == 0;
        _exit(is_dropped && Made().st_uid == 0 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST_F(SharedFileTest, ADirectoryThatIsGoneIsToldOf) {
    EXPECT_THROW(ShareAsItsDirectory(STDERR_FILENO, directory + "/gone/file"), std::system_error);
}

}  // namespace
}  // namespace policyd::files
