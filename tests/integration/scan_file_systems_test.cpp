// File systems whose clocks stand still, and ones that are not mounted. Needs to be root and to
// have loop devices; where that is not so, the tests say that they were skipped.

#include <gtest/gtest.h>

#include <fstream>
#include <optional>

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

INSTANTIATE_TEST_SUITE_P(
    Types, ScanFileSystemsTest,
    testing::Values(FileSystem{"Ext4", {"mkfs.ext4", "-q", "-I", "256"}},
                    FileSystem{"Ext4WithStampsOfWholeSeconds", {"mkfs.ext4", "-q", "-I", "128"}},
                    FileSystem{"Ext4WithoutFileTypes", {"mkfs.ext4", "-q", "-O", "^filetype"}},
                    FileSystem{"Ext3", {"mkfs.ext3", "-q"}}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace policyd::scanner
