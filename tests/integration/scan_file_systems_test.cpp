// File systems whose clocks stand still, ones that are not mounted and ones that hang. Needs to be
// root and to have loop devices; where that is not so, the tests say that they were skipped.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <fstream>
#include <future>
#include <optional>

#include "common/files/descriptor.hpp"
#include "policyd/scanner/scanner.hpp"
#include "tests/support/process.hpp"
#include "tests/support/recording_usage_store.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::scanner {
namespace {

namespace fs = std::filesystem;

/// A small file system of its own, mounted at a directory.
class Volume {
public:
    Volume(const fs::path& image, const fs::path& mount_point, std::vector<std::string> make)
        : image_(image), mount_point_(mount_point) {
        std::ofstream(image).close();
        fs::resize_file(image, 32 << 20);
        make.push_back(image);
        if (test::Run(make).status != 0) throw std::runtime_error("cannot make a file system");
    }
    ~Volume() { Unmount(); }

    bool Mount() {
        is_mounted_ = test::Run({"mount", "-o", "loop", image_, mount_point_}).status == 0;
        return is_mounted_;
    }
    void Unmount() {
        if (std::exchange(is_mounted_, false)) test::Run({"umount", mount_point_});
    }

private:
    fs::path image_;
    fs::path mount_point_;
    bool is_mounted_ = false;
};

void Deliver(const fs::path& maildir, int number) {
    const std::string name = std::to_string(number) + ".host,S=10";
    std::ofstream(maildir / "tmp" / name).close();
    fs::rename(maildir / "tmp" / name, maildir / "new" / name);
}

struct FileSystem {
    const char* name;
    std::vector<std::string> make;
};

class ScanFileSystemsTest : public testing::TestWithParam<FileSystem> {
protected:
    ScanFileSystemsTest() {
        fs::create_directory(Root());
        options_.root = Root();
        options_.threads = 1;
        volume_.emplace(scratch_ / "image", Root(), GetParam().make);
    }

    fs::path Root() const { return scratch_ / "mail"; }

    ScanReport Sweep() {
        async::EventLoop loop;
        Scanner scanner(loop, usage_, state_, options_);
        return loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    }

    test::ScratchDirectory scratch_;
    std::optional<Volume> volume_;
    test::RecordingUsageStore usage_;
    ScanState state_;
    ScannerOptions options_;
};

TEST_P(ScanFileSystemsTest, AChangeRightAfterAScanIsNoticedByTheNext) {
    if (!volume_->Mount()) GTEST_SKIP() << "no loop mounts here";
    const fs::path maildir = Root() / "example.org/ann";
    for (const char* part : {"tmp", "new", "cur"}) fs::create_directories(maildir / part);
    constexpr int kChanges = 300;
    for (int change = 0; change < kChanges; ++change) {
        Deliver(maildir, change);
        Sweep();
        // In the same tick of the file system's clock as the scan, more often than not.
        ASSERT_EQ(usage_.figures.at("ann@example.org").messages, change + 1u);
    }
}

TEST_P(ScanFileSystemsTest, AStoreThatIsNotMountedLosesNoEntry) {
    if (!volume_->Mount()) GTEST_SKIP() << "no loop mounts here";
    for (const char* user : {"ann", "bob", "eve"}) {
        for (const char* part : {"tmp", "new", "cur"})
            fs::create_directories(Root() / "example.org" / user / part);
        Deliver(Root() / "example.org" / user, 1);
    }
    Sweep();
    volume_->Unmount();
    // What is below the mount point is another, smaller store.
    fs::create_directories(Root() / "example.org/ann/new");

    EXPECT_EQ(Sweep().withheld, 2u);
    EXPECT_EQ(usage_.figures.size(), 3u);

    ASSERT_TRUE(volume_->Mount());
    EXPECT_EQ(Sweep().withheld, 0u);
    for (const char* mailbox : {"ann@example.org", "bob@example.org", "eve@example.org"})
        EXPECT_EQ(usage_.figures.at(mailbox).bytes, 10u);
}

TEST_P(ScanFileSystemsTest, AStoreThatMovedToAnotherFileSystemIsMeasuredAnew) {
    const fs::path maildir = Root() / "example.org/ann";
    for (const char* part : {"tmp", "new", "cur"}) fs::create_directories(maildir / part);
    for (int message = 0; message < 5; ++message) Deliver(maildir, message);
    Sweep();
    const fs::path aside = scratch_ / "aside";
    ASSERT_EQ(test::Run({"cp", "-a", Root(), aside}).status, 0);
    if (!volume_->Mount()) GTEST_SKIP() << "no loop mounts here";
    ASSERT_EQ(test::Run({"cp", "-a", aside / "example.org", Root()}).status, 0);
    fs::remove_all(maildir / "new" / "0.host,S=10");

    Sweep();
    EXPECT_EQ(usage_.figures.at("ann@example.org").messages, 4u);
}

TEST_P(ScanFileSystemsTest, AFolderOnAFileSystemOfItsOwnIsFollowed) {
    const fs::path maildir = Root() / "example.org/ann";
    for (const char* part : {"tmp", "new", "cur", ".Archive"})
        fs::create_directories(maildir / part);
    Volume archive(scratch_ / "archive", maildir / ".Archive", GetParam().make);
    if (!archive.Mount()) GTEST_SKIP() << "no loop mounts here";
    for (const char* part : {"tmp", "new", "cur"})
        fs::create_directories(maildir / ".Archive" / part);
    for (int change = 0; change < 10; ++change) {
        Deliver(maildir / ".Archive", change);
        Sweep();
        ASSERT_EQ(usage_.figures.at("ann@example.org").messages, change + 1u);
    }
}

/// A file system that never answers, as that of a server that is gone.
class HungVolume {
public:
    explicit HungVolume(const fs::path& mount_point) : mount_point_(mount_point) {
        if (!device_) return;
        const std::string options =
            "rootmode=40000,user_id=0,group_id=0,fd=" + std::to_string(device_.Get());
        is_mounted_ = mount("hung", mount_point_.c_str(), "fuse", 0, options.c_str()) == 0;
    }
    ~HungVolume() { Unmount(); }

    bool IsMounted() const { return is_mounted_; }
    /// Whoever waits for it gets an error.
    void Unmount() {
        if (std::exchange(is_mounted_, false))
            umount2(mount_point_.c_str(), MNT_FORCE | MNT_DETACH);
        device_ = {};
    }

private:
    fs::path mount_point_;
    files::Descriptor device_{open("/dev/fuse", O_RDWR | O_CLOEXEC)};
    bool is_mounted_ = false;
};

TEST(HungFileSystemTest, ALinkIntoItHoldsUpNothing) {
    const test::ScratchDirectory scratch;
    fs::create_directory(scratch / "hung");
    HungVolume volume(scratch / "hung");
    if (!volume.IsMounted()) GTEST_SKIP() << "no FUSE mounts here";
    fs::create_directory_symlink(scratch / "hung/example.org", scratch / "absolute");
    fs::create_directory_symlink("hung/example.org", scratch / "relative");
    const StoreFiles files(scratch.Path());
    const OpenedDirectory root = files.Open(".");
    for (const char* link : {"absolute", "relative"}) {
        auto look = std::async(std::launch::async,
                               [&] { return files.LeadsToDirectory(root.directory, link); });
        const bool hangs = look.wait_for(std::chrono::seconds(20)) == std::future_status::timeout;
        if (hangs) volume.Unmount();
        ASSERT_FALSE(hangs) << link;
        EXPECT_TRUE(look.get()) << link;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Types, ScanFileSystemsTest,
    testing::Values(FileSystem{"Ext4", {"mkfs.ext4", "-q", "-I", "256"}},
                    FileSystem{"Ext4WithStampsOfWholeSeconds", {"mkfs.ext4", "-q", "-I", "128"}},
                    FileSystem{"Ext4WithoutFileTypes", {"mkfs.ext4", "-q", "-O", "^filetype"}},
                    FileSystem{"Ext3", {"mkfs.ext3", "-q"}}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace policyd::scanner
