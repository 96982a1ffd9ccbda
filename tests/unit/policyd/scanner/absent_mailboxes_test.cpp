/// What becomes of reservations in mailboxes that are not there.

#include <gmock/gmock.h>

#include "tests/unit/policyd/scanner/scanner_fixture.hpp"

namespace policyd::scanner {
namespace {

using testing::Key;
using testing::UnorderedElementsAre;

class AbsentMailboxesTest : public ScannerTest {
protected:
    AbsentMailboxesTest() {
        store_.Deliver("example.org/ann", 100);
        usage_.unmeasured = {"new@example.org", "first@example.net"};
    }
};

TEST_F(AbsentMailboxesTest, LoseWhatIsOlderThanTheGrace) {
    const text::WallTime before = usage_.now;
    Sweep();
    EXPECT_THAT(usage_.absent,
                UnorderedElementsAre(Key("new@example.org"), Key("first@example.net")));
    EXPECT_GT(usage_.absent["new@example.org"], before - options_.grace);
    EXPECT_LE(usage_.absent["new@example.org"], usage_.now - options_.grace);
}

TEST_F(AbsentMailboxesTest, AreNotWhatMayBeKeptThereInAnotherWay) {
    store_.WriteFile("example.org/file", 10);
    store_.WriteFile("file.example", 10);
    fs::create_directory_symlink(store_ / "example.org/ann", store_ / "example.org/link");
    fs::create_directory_symlink(store_ / "example.org", store_ / "link.example");
    fs::create_symlink("nowhere", store_ / "example.org/dangling");
    fs::create_directory(store_ / "example.org/empty");
    usage_.unmeasured = {"file@example.org", "x@file.example",       "link@example.org",
                         "x@link.example",   "dangling@example.org", "empty@example.org",
                         "ann@example.org",  "a/b@example.org",      "postmaster",
                         "gone@example.org"};
    Sweep();
    EXPECT_THAT(usage_.absent, UnorderedElementsAre(Key("gone@example.org")));
}

TEST_F(AbsentMailboxesTest, AreNotKnownWhereADiskMayBeMissing) {
    options_.refresh_interval = std::chrono::milliseconds(0);
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    const auto absent_after_sweep = [&] {
        usage_.absent.clear();
        loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
        return usage_.absent.size();
    };
    EXPECT_EQ(absent_after_sweep(), 2u);
    store_.Rename("example.org", "../elsewhere");
    EXPECT_EQ(absent_after_sweep(), 0u);
    fs::create_directory(store_ / "lost+found");
    EXPECT_EQ(absent_after_sweep(), 0u);
    store_.Rename("../elsewhere", "example.org");
    EXPECT_EQ(absent_after_sweep(), 2u);
    store_.Deliver("example.org/bob", 1);
    absent_after_sweep();
    store_.Remove("example.org/bob");
    ++state_.root_device;
    EXPECT_EQ(absent_after_sweep(), 0u);
}

TEST_F(AbsentMailboxesTest, AreNotKnownWhereTheMailStoreIsEmptyFromTheBeginning) {
    store_.Remove("example.org");
    Sweep();
    EXPECT_TRUE(usage_.absent.empty());
}

TEST_F(AbsentMailboxesTest, AreLookedForAsOftenAsUnchangedMailboxesAreCommitted) {
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    const auto are_looked_for = [&](std::chrono::milliseconds later) {
        usage_.now += later;
        usage_.absent.clear();
        loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
        return !usage_.absent.empty();
    };
    EXPECT_TRUE(are_looked_for(std::chrono::milliseconds(0)));
    EXPECT_FALSE(are_looked_for(options_.refresh_interval / 2));
    EXPECT_TRUE(are_looked_for(options_.refresh_interval));
    EXPECT_FALSE(are_looked_for(-std::chrono::hours(2)));
    EXPECT_TRUE(are_looked_for(options_.refresh_interval)) << "the clock was set back";
}

}  // namespace
}  // namespace policyd::scanner
