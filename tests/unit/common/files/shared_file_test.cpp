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

/// As root, who may be led astray.
class OpenSharedTest : public testing::Test {
protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root";
        for (const std::string& each : {of_root, of_another})
            ASSERT_EQ(mkdir(each.c_str(), 0755), 0);
        ASSERT_EQ(chown(of_another.c_str(), kOwner, kGroup), 0);
    }
    static std::string FailureOf(const std::string& path) {
        try {
            OpenShared(path, O_WRONLY, 0660);
            return "none";
        } catch (const std::system_error& failure) {
            return failure.what();
        }
    }
    static bool IsThere(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

    test::ScratchDirectory scratch;
    const std::string of_root = scratch / "root";
    const std::string of_another = scratch / "another";
    const std::string target = of_root + "/target";
};

TEST_F(OpenSharedTest, AFileThatIsMadeIsForThoseOfItsDirectory) {
    const SharedFile opened = OpenShared(of_another + "/file", O_WRONLY, 0660);
    struct stat status {};
    ASSERT_EQ(fstat(opened.file.Get(), &status), 0);
    EXPECT_TRUE(opened.is_made);
    EXPECT_EQ(status.st_uid, kOwner);
    EXPECT_FALSE(OpenShared(of_another + "/file", O_WRONLY, 0660).is_made);
}

TEST_F(OpenSharedTest, NoLinkOfAnotherIsFollowed) {
    const std::string link = of_another + "/link";
    ASSERT_EQ(symlink(target.c_str(), link.c_str()), 0);
    ASSERT_EQ(lchown(link.c_str(), kOwner, kGroup), 0);
    EXPECT_EQ(FailureOf(link),
              link +
                  ": is a symbolic link, which root uses only where nobody else may write: "
                  "Operation not permitted");
    EXPECT_FALSE(IsThere(target));
    ASSERT_EQ(chown(of_another.c_str(), 0, kGroup), 0);
    EXPECT_EQ(FailureOf(link), "none");
    ASSERT_EQ(chmod(of_another.c_str(), 02770), 0);
    EXPECT_NE(FailureOf(link), "none") << "its group may write there";
}

TEST_F(OpenSharedTest, ALinkOfRootsIsFollowedWhoeverMayWriteBesideItUnlessItHasOtherNames) {
    const std::string own = of_another + "/link";
    ASSERT_EQ(symlink(target.c_str(), own.c_str()), 0);
    EXPECT_EQ(FailureOf(own), "none");
    EXPECT_EQ(SharedPath(own), std::filesystem::canonical(target));
    ASSERT_EQ(link(own.c_str(), (of_another + "/second").c_str()), 0);
    EXPECT_NE(FailureOf(own), "none");
    EXPECT_THROW(SharedPath(own), std::system_error);
}

TEST_F(OpenSharedTest, NoFileWithANameElsewhereIsWritten) {
    const std::string second = of_another + "/second";
    OpenShared(target, O_WRONLY, 0600);
    ASSERT_EQ(link(target.c_str(), second.c_str()), 0);
    EXPECT_EQ(FailureOf(second),
              second +
                  ": has several names, which root uses only where nobody else may write: "
                  "Operation not permitted");
    EXPECT_EQ(FailureOf(target), "none");
}

TEST_F(OpenSharedTest, ALinkThatOnlyRootCanHaveMadeIsFollowedToTheNextOne) {
    const std::string first = of_root + "/first";
    const std::string next = of_another + "/next";
    ASSERT_EQ(symlink("../another/next", first.c_str()), 0);
    EXPECT_TRUE(OpenShared(first, O_WRONLY, 0660).is_made);
    EXPECT_TRUE(IsThere(next));
    ASSERT_EQ(unlink(next.c_str()), 0);
    ASSERT_EQ(symlink(target.c_str(), next.c_str()), 0);
    ASSERT_EQ(lchown(next.c_str(), kOwner, kGroup), 0);
    EXPECT_NE(FailureOf(first), "none");
    EXPECT_FALSE(IsThere(target));
}

TEST_F(OpenSharedTest, LinksThatLeadNowhereAreToldOf) {
    ASSERT_EQ(symlink("round", (of_root + "/round").c_str()), 0);
    EXPECT_NE(FailureOf(of_root + "/round").find("Too many levels of symbolic links"),
              std::string::npos);
}

TEST_F(OpenSharedTest, StandardOutputIsWrittenWhateverItIs) {
    int pipe[2];
    ASSERT_EQ(pipe2(pipe, O_CLOEXEC), 0);
    ASSERT_EQ(symlink(("/proc/self/fd/" + std::to_string(pipe[1])).c_str(), target.c_str()), 0);
    EXPECT_EQ(FailureOf(target), "none");
    for (const int end : pipe) close(end);
}

TEST_F(OpenSharedTest, OthersThanRootFollowLinksAsEver) {
    const std::string link = of_another + "/link";
    const std::string file = of_another + "/file";
    ASSERT_EQ(symlink("file", link.c_str()), 0);
    const pid_t child = fork();
    if (child == 0)
        _exit(setresuid(kOwner, kOwner, kOwner) == 0 && FailureOf(link) == "none" ? 0 : 1);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(IsThere(file));
}

}  // namespace
}  // namespace policyd::files
