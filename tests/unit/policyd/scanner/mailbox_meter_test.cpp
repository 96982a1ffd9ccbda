#include "policyd/scanner/mailbox_meter.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fstream>

#include "tests/support/mail_store.hpp"
#include "tests/support/unprivileged.hpp"

namespace policyd::scanner {
namespace {

namespace fs = std::filesystem;

constexpr FileTime kHour = 3'600'000'000'000;

/// A clock an hour ahead: nothing that a test has just written is too young for it.
FileTime LaterClock() {
    return CoarseFileClock() + kHour;
}

class MailboxMeterTest : public testing::Test {
protected:
    MeasuredMailbox Measure(const RecordPointer& previous = nullptr,
                            Thoroughness thoroughness = Thoroughness::kWhatChanged,
                            FileClock clock = &LaterClock) {
        const StoreFiles files(store_.Root());
        Pace pace(0);
        return MailboxMeter(files, rules_, pace, clock).Measure("d/u", previous, thoroughness);
    }

    static std::pair<std::uint64_t, std::uint64_t> Sums(const MeasuredMailbox& measured) {
        return {measured.record->Bytes(), measured.record->Messages()};
    }

    using Figures = std::pair<std::uint64_t, std::uint64_t>;

    test::MailStore store_;
    CountingRules rules_;
};

TEST_F(MailboxMeterTest, SumsUpInboxAndFoldersOverNewAndCur) {
    store_.Deliver("d/u", 100);
    const std::string name = store_.Deliver("d/u", 20);
    store_.Rename("d/u/new/" + name, "d/u/cur/" + name + ":2,S");
    store_.Deliver("d/u/.Sent", 3);
    store_.Deliver("d/u/.&AOQ-.Sub\xff", 4000);

    const MeasuredMailbox measured = Measure();

    EXPECT_EQ(Sums(measured), Figures(4123, 4));
    EXPECT_TRUE(measured.changed);
    EXPECT_EQ(measured.work.files_asked, 0u);
    EXPECT_FALSE(measured.record->IsRacy());
}

TEST_F(MailboxMeterTest, WhatHoldsAMaildirButIsNoneIsNoMailboxOfNoBytes) {
    store_.Deliver("d/u/Maildir", 100);
    MeasuredMailbox measured = Measure();
    EXPECT_EQ(measured.record, nullptr);
    EXPECT_EQ(measured.mailbox, Sight::kUnreadable);
    ASSERT_EQ(measured.obstacles.size(), 1u);
    EXPECT_EQ(measured.obstacles[0].path, "d/u/Maildir");
    EXPECT_EQ(measured.obstacles[0].kind, Obstacle::Kind::kMisplacedMaildir);

    store_.Deliver("d/u", 20);
    measured = Measure();
    ASSERT_NE(measured.record, nullptr);
    EXPECT_EQ(Sums(measured), Figures(20, 1));
}

TEST_F(MailboxMeterTest, AMaildirInAnEmptyMailboxIsToldOfHoweverMuchLiesBesideIt) {
    for (int i = 0; i < 40; ++i)
        std::ofstream(store_ / ("d/u/dovecot." + std::to_string(i))) << "x";
    store_.Deliver("d/u/Maildir", 100);
    const MeasuredMailbox measured = Measure();
    EXPECT_EQ(measured.mailbox, Sight::kUnreadable);
    ASSERT_EQ(measured.obstacles.size(), 1u);
    EXPECT_EQ(measured.obstacles[0].path, "d/u/Maildir");
}

TEST_F(MailboxMeterTest, ADirectoryThatMayNotBeEnteredIsNoMaildirInItsMailbox) {
    fs::create_directories(store_ / "d/u/private");
    fs::permissions(store_ / "d/u/private", fs::perms::owner_all);
    const test::Unprivileged unprivileged;  // root enters everything
    const MeasuredMailbox measured = Measure();
    ASSERT_NE(measured.record, nullptr);
    EXPECT_FALSE(measured.record->IsPartial());
    EXPECT_TRUE(measured.obstacles.empty());
}

TEST_F(MailboxMeterTest, ANewMailboxOfWhichOnlyAFolderIsThereIsOne) {
    store_.Deliver("d/u/archive", 100);
    store_.Deliver("d/u/.INBOX", 20);
    EXPECT_EQ(Sums(Measure()), Figures(20, 1));
}

TEST_F(MailboxMeterTest, WhatIsLeftOfAMailboxThatWasKnownCounts) {
    store_.Deliver("d/u", 20);
    const RecordPointer known = Measure().record;
    store_.Deliver("d/u/archive", 100);
    for (const char* part : {"d/u/new", "d/u/cur"}) store_.Remove(part);

    const MeasuredMailbox measured = Measure(known);

    ASSERT_NE(measured.record, nullptr);
    EXPECT_EQ(Sums(measured), Figures(0, 0));
    EXPECT_TRUE(measured.record->IsPartial());
    ASSERT_EQ(measured.obstacles.size(), 1u);
    EXPECT_EQ(measured.obstacles[0].path, "d/u/archive");
    EXPECT_EQ(measured.obstacles[0].kind, Obstacle::Kind::kStrayMaildir);
}

/// How other layouts and further namespaces of Dovecot lie in a mailbox.
class StrayMaildirTest : public MailboxMeterTest,
                         public testing::WithParamInterface<const char*> {};

TEST_P(StrayMaildirTest, IsToldOfAndMakesAMailboxIncompleteThatIsCountedAllTheSame) {
    store_.Deliver("d/u", 20);
    store_.Deliver(std::string("d/u/") + GetParam(), 100);
    for (int i = 0; i < 40; ++i)
        std::ofstream(store_ / ("d/u/dovecot." + std::to_string(i))) << "x";

    const MeasuredMailbox measured = Measure();

    EXPECT_EQ(Sums(measured), Figures(20, 1));
    EXPECT_TRUE(measured.record->IsPartial());
    EXPECT_FALSE(measured.record->HasUnknownParts()) << "its figures are not to be withheld";
    ASSERT_EQ(measured.obstacles.size(), 1u);
    EXPECT_EQ(measured.obstacles[0].path, std::string("d/u/") + GetParam());
    EXPECT_EQ(measured.obstacles[0].kind, Obstacle::Kind::kStrayMaildir);

    const MeasuredMailbox again = Measure(measured.record);
    EXPECT_TRUE(again.record->IsPartial());
    EXPECT_FALSE(again.changed);
    EXPECT_EQ(again.work.messages_read, 0u);
    EXPECT_EQ(again.obstacles.size(), 1u) << "each run names it";

    store_.Remove(std::string("d/u/") + GetParam());
    const MeasuredMailbox without = Measure(again.record);
    EXPECT_FALSE(without.record->IsPartial()) << "also where the mailbox itself is unchanged";
    EXPECT_TRUE(without.obstacles.empty());
    EXPECT_EQ(Measure(without.record).work.directories_looked_at, 3u);
}

INSTANTIATE_TEST_SUITE_P(Layouts, StrayMaildirTest,
                         testing::Values("Sent", "Parent/2020", "Sent/.mbox", "mailboxes/0123abcd",
                                         "folders/.Sent"));

TEST_F(MailboxMeterTest, LooksAtAFewPlacesForMaildirsThatAreNoFolders) {
    store_.Deliver("d/u", 20);
    for (int i = 0; i < 200; ++i)
        for (const char* below : {"/a", "/b", "/tmp"})
            fs::create_directories(store_ / ("d/u/dir" + std::to_string(i) + below));
    const MeasuredMailbox measured = Measure();
    EXPECT_FALSE(measured.record->IsPartial());
    EXPECT_EQ(measured.work.directories_looked_at, 3u + 32u);
}

TEST_F(MailboxMeterTest, AsksFilesOnlyWhereTheNameDoesNotTell) {
    store_.Deliver("d/u", 100);
    store_.Deliver("d/u", 50, false);
    store_.WriteFile("d/u/cur/1.host,S=oops:2,S", 7);

    const MeasuredMailbox measured = Measure();

    EXPECT_EQ(Sums(measured), Figures(157, 3));
    EXPECT_EQ(measured.work.files_asked, 2u);
}

TEST_F(MailboxMeterTest, BelievesTheNameOfACompressedMessageUnlessToldNotTo) {
    store_.MakeMaildir("d/u");
    store_.WriteFile("d/u/cur/1.host,S=1000:2,S", 300);

    EXPECT_EQ(Sums(Measure()), Figures(1000, 1));
    rules_.believe_names = false;
    EXPECT_EQ(Sums(Measure()), Figures(300, 1));
}

TEST_F(MailboxMeterTest, CountsNothingButMessages) {
    store_.Deliver("d/u", 5);
    store_.WriteFile("d/u/tmp/1.host,S=100", 100);
    store_.WriteFile("d/u/dovecot.index", 100);
    store_.WriteFile("d/u/maildirsize", 100);
    store_.WriteFile("d/u/cur/.nfs0001", 100);
    fs::create_directory(store_ / "d/u/cur/1.dir,S=100");
    mkfifo((store_ / "d/u/cur/1.fifo,S=100").c_str(), 0600);
    mknod((store_ / "d/u/cur/1.socket,S=100").c_str(), S_IFSOCK | 0600, 0);
    fs::create_symlink("../new", store_ / "d/u/cur/1.link,S=100");
    fs::create_symlink("1.loop", store_ / "d/u/cur/1.loop");
    store_.WriteFile("d/u/.file", 100);
    store_.Deliver("d/u/plain", 100);
    store_.Deliver("d/u/..DOVECOT-TRASHED", 100);
    store_.Deliver("d/other", 100);
    fs::create_symlink("../other", store_ / "d/u/.Linked");
    fs::create_directory(store_ / "d/u/.Bare");

    const MeasuredMailbox measured = Measure();

    EXPECT_EQ(Sums(measured), Figures(5, 1));
    ASSERT_EQ(measured.obstacles.size(), 2u);
    EXPECT_EQ(measured.obstacles[0].path, "d/u/.Linked");
    EXPECT_EQ(measured.obstacles[0].kind, Obstacle::Kind::kSymbolicLink);
    EXPECT_EQ(measured.obstacles[1].path, "d/u/plain");
    EXPECT_EQ(measured.obstacles[1].kind, Obstacle::Kind::kStrayMaildir);
}

TEST_F(MailboxMeterTest, TellsOfAnInboxThatIsASymbolicLink) {
    store_.Deliver("d/u", 5);
    fs::rename(store_ / "d/u/cur", store_ / "d/elsewhere");
    fs::create_symlink("../elsewhere", store_ / "d/u/cur");
    const MeasuredMailbox measured = Measure();
    ASSERT_EQ(measured.obstacles.size(), 1u);
    EXPECT_EQ(measured.obstacles[0].path, "d/u/cur");
    EXPECT_TRUE(Measure(measured.record).obstacles.empty());
}

TEST_F(MailboxMeterTest, SaysNothingOfSymbolicLinksBehindWhichNothingWouldCount) {
    rules_.ignored_folders = {"Trash", "*ew"};
    store_.Deliver("d/u", 5);
    store_.Deliver("d/other", 5);
    fs::create_symlink("nowhere", store_ / "d/u/.dovecot.lda-dupes");
    fs::create_symlink("new/1.host,S=5", store_ / "d/u/.subscriptions");
    for (const char* name : {".Trash", "..DOVECOT-TRASHED", "tmp2"})
        fs::create_symlink("../other", store_ / "d/u" / name);
    EXPECT_TRUE(Measure().obstacles.empty());

    store_.Rename("d/u/new", "d/new");
    fs::create_symlink("../new", store_ / "d/u/new");
    ASSERT_EQ(Measure().obstacles.size(), 1u);
    EXPECT_EQ(Measure().obstacles[0].path, "d/u/new");
}

TEST_F(MailboxMeterTest, CountsEveryHardLink) {
    const std::string name = store_.Deliver("d/u", 10, false);
    store_.MakeMaildir("d/u/.Copy");
    fs::create_hard_link(store_ / ("d/u/new/" + name), store_ / ("d/u/.Copy/cur/" + name));
    EXPECT_EQ(Sums(Measure()), Figures(20, 2));
}

TEST_F(MailboxMeterTest, TakesNamesWithAnyBytes) {
    store_.MakeMaildir("d/u");
    store_.WriteFile("d/u/cur/a\nb,S=1", 1);
    store_.WriteFile("d/u/cur/\x01\xfe\xff", 2);
    store_.WriteFile("d/u/cur/" + std::string(255, 'x'), 3);
    EXPECT_EQ(Sums(Measure()), Figures(6, 3));
}

TEST_F(MailboxMeterTest, StopsAtTheLargestSumInsteadOfOverflowing) {
    store_.MakeMaildir("d/u");
    for (int i = 0; i < 20; ++i)
        store_.WriteFile("d/u/cur/" + std::to_string(i) + ",S=999999999999999999", 0);
    EXPECT_EQ(Sums(Measure()), Figures(kMostBytes, 20));
}

TEST_F(MailboxMeterTest, LeavesOutWhatTheSiteLeavesOut) {
    store_.Deliver("d/u", 1);
    store_.Deliver("d/u/.Trash", 10);
    store_.Deliver("d/u/.Trash.2020", 100);
    store_.WriteFile("d/u/cur/1.host,S=1000:2,ST", 1000);
    rules_.ignored_folders = {"Trash"};
    EXPECT_EQ(Sums(Measure()), Figures(1101, 3));
    rules_.ignored_folders = {"Trash", "Trash.*"};
    rules_.skip_deleted = true;
    EXPECT_EQ(Sums(Measure()), Figures(1, 1));
}

TEST_F(MailboxMeterTest, ADeliveryIntoAFolderThatIsLeftOutIsAChangeOfNoBytes) {
    rules_.ignored_folders = {"Trash"};
    store_.Deliver("d/u", 1);
    store_.Deliver("d/u/.Trash", 10);
    const MeasuredMailbox before = Measure();
    EXPECT_FALSE(Measure(before.record).changed);
    EXPECT_EQ(Measure(before.record).record, before.record);

    store_.Deliver("d/u/.Trash", 10);
    const MeasuredMailbox after = Measure(before.record);
    EXPECT_TRUE(after.changed);
    EXPECT_EQ(Sums(after), Figures(1, 1));
    EXPECT_FALSE(Measure(after.record).changed);
    EXPECT_EQ(after.work.directories_read, 0u);
}

TEST_F(MailboxMeterTest, MailPutStraightIntoCurOfAFolderThatIsLeftOutIsAChangeOfNoBytes) {
    rules_.ignored_folders = {"Trash"};
    store_.Deliver("d/u", 1);
    store_.MakeMaildir("d/u/.Trash");
    const MeasuredMailbox before = Measure();

    store_.WriteFile("d/u/.Trash/cur/1.host,S=10:2,S", 10);
    const MeasuredMailbox after = Measure(before.record);
    EXPECT_TRUE(after.changed);
    EXPECT_EQ(Sums(after), Figures(1, 1));
    EXPECT_EQ(after.work.directories_read, 0u);

    const MeasuredMailbox unchanged = Measure(after.record);
    EXPECT_EQ(unchanged.record, after.record);
    EXPECT_EQ(unchanged.work.directories_looked_at, 5u);

    const MeasuredMailbox at_once =
        Measure(after.record, Thoroughness::kWhatChanged, &CoarseFileClock);
    EXPECT_FALSE(at_once.changed);
    EXPECT_TRUE(at_once.record->IsRacy());
}

TEST_F(MailboxMeterTest, TakesABracketInTheNameOfAFolderAsItStands) {
    store_.Deliver("d/u", 1);
    store_.Deliver("d/u/.[Gmail].Trash", 10);
    store_.Deliver("d/u/.G.Trash", 100);
    rules_.ignored_folders = {"[Gmail].T*"};
    EXPECT_EQ(Sums(Measure()), Figures(101, 2));
}

TEST_F(MailboxMeterTest, CountsAMailboxWithoutNewAndCurAsEmpty) {
    fs::create_directories(store_ / "d/u");
    EXPECT_EQ(Sums(Measure()), Figures(0, 0));
}

TEST_F(MailboxMeterTest, SaysThatAMailboxIsNotThere) {
    EXPECT_EQ(Measure().mailbox, Sight::kAbsent);
    store_.Deliver("d/other", 1);
    fs::create_symlink("other", store_ / "d/u");
    EXPECT_EQ(Measure().mailbox, Sight::kAbsent);
}

TEST_F(MailboxMeterTest, LooksOnceAtEachDirectoryOfAnUnchangedMailboxAndReadsNone) {
    store_.Deliver("d/u", 100);
    store_.Deliver("d/u/.Sent", 100);
    const MeasuredMailbox first = Measure();

    const MeasuredMailbox second = Measure(first.record);

    EXPECT_EQ(second.record, first.record);
    EXPECT_FALSE(second.changed);
    EXPECT_EQ(second.work.directories_looked_at, 5u);
    EXPECT_EQ(second.work.directories_read, 0u);
}

TEST_F(MailboxMeterTest, ReadsOnlyWhatChanged) {
    store_.Deliver("d/u", 100);
    store_.Deliver("d/u/.Sent", 100);
    const MeasuredMailbox first = Measure();
    store_.Deliver("d/u/.Sent", 11);

    const MeasuredMailbox second = Measure(first.record);

    EXPECT_EQ(Sums(second), Figures(211, 3));
    EXPECT_TRUE(second.changed);
    EXPECT_EQ(second.work.directories_read, 1u);
}

TEST_F(MailboxMeterTest, ReadsAgainWhatChangedTooShortlyBeforeItWasRead) {
    store_.Deliver("d/u", 100);
    const MeasuredMailbox first = Measure(nullptr, Thoroughness::kWhatChanged, &CoarseFileClock);
    EXPECT_TRUE(first.record->IsRacy());

    const MeasuredMailbox second = Measure(first.record);

    EXPECT_EQ(second.work.directories_read, 3u);
    EXPECT_FALSE(second.changed);
    EXPECT_FALSE(second.record->IsRacy());
}

TEST_F(MailboxMeterTest, DoesNotTrustChangeTimesInTheFuture) {
    store_.Deliver("d/u", 100);
    const FileClock an_hour_ago = [] { return CoarseFileClock() - kHour; };
    EXPECT_TRUE(Measure(nullptr, Thoroughness::kWhatChanged, an_hour_ago).record->IsRacy());
}

TEST_F(MailboxMeterTest, LooksAgainAtWhatIsYoungerThanTheClockSinceItWasSetBack) {
    store_.Deliver("d/u", 100);
    const MeasuredMailbox first = Measure();
    EXPECT_EQ(Measure(first.record).work.directories_read, 0u);
    const FileClock an_hour_ago = [] { return CoarseFileClock() - kHour; };

    const MeasuredMailbox second = Measure(first.record, Thoroughness::kWhatChanged, an_hour_ago);
    EXPECT_EQ(second.work.directories_read, 3u);
    EXPECT_FALSE(second.changed);

    // Once more when the clock has come by the same time again, and then no more.
    const MeasuredMailbox third = Measure(second.record);
    EXPECT_EQ(third.work.directories_read, 3u);
    EXPECT_EQ(Measure(third.record).work.directories_read, 0u);
}

TEST_F(MailboxMeterTest, SeesAChangeAlthoughTheModificationTimeWasSetBack) {
    store_.Deliver("d/u", 100);
    const fs::path fresh = store_ / "d/u/new";
    const auto before = fs::last_write_time(fresh);
    const MeasuredMailbox first = Measure();
    store_.Deliver("d/u", 1);
    fs::last_write_time(fresh, before);

    EXPECT_EQ(Sums(Measure(first.record)), Figures(101, 2));
}

TEST_F(MailboxMeterTest, KeepsWatchingAMessageThatIsWrittenInPlace) {
    store_.MakeMaildir("d/u");
    const MeasuredMailbox empty = Measure();
    store_.WriteFile("d/u/new/growing", 10);
    const MeasuredMailbox half =
        Measure(empty.record, Thoroughness::kWhatChanged, &CoarseFileClock);
    EXPECT_EQ(Sums(half), Figures(10, 1));
    std::ofstream(store_ / "d/u/new/growing", std::ios::app) << "0123456789";

    EXPECT_EQ(Sums(Measure(half.record)), Figures(20, 1));
}

TEST_F(MailboxMeterTest, FollowsFoldersThatAreRenamedSwappedRemovedAndReplaced) {
    store_.Deliver("d/u/.A", 1);
    store_.Deliver("d/u/.B", 10);
    store_.Deliver("d/u/.C", 100);
    MeasuredMailbox measured = Measure();

    store_.Rename("d/u/.A", "d/u/.X");
    store_.Rename("d/u/.B", "d/u/.A");
    store_.Rename("d/u/.X", "d/u/.B");
    store_.Deliver("d/u/.B", 1000);
    measured = Measure(measured.record);
    EXPECT_EQ(Sums(measured), Figures(1111, 4));

    store_.Remove("d/u/.C");
    measured = Measure(measured.record);
    EXPECT_EQ(Sums(measured), Figures(1011, 3));
    EXPECT_TRUE(measured.changed);

    store_.Rename("d/u/.A/new", "d/u/.A/old");
    store_.Deliver("d/u/.A", 5);
    EXPECT_EQ(Sums(Measure(measured.record)), Figures(1006, 3));
}

TEST_F(MailboxMeterTest, SeesAMailboxThatWasReplacedByAnother) {
    store_.Deliver("d/u", 1);
    store_.Deliver("d/v", 10);
    const MeasuredMailbox first = Measure();
    store_.Rename("d/u", "d/w");
    store_.Rename("d/v", "d/u");
    const MeasuredMailbox second = Measure(first.record);
    EXPECT_EQ(Sums(second), Figures(10, 1));
    EXPECT_TRUE(second.changed);
}

TEST_F(MailboxMeterTest, FindsFiguresThatAreWrongAlthoughNothingShowsIt) {
    const std::string name = store_.Deliver("d/u", 100, false);
    const MeasuredMailbox first = Measure();
    store_.WriteFile("d/u/new/" + name, 40);  // in place: no directory changes

    const MeasuredMailbox swept = Measure(first.record);
    EXPECT_EQ(Sums(swept), Figures(100, 1));
    const MeasuredMailbox verified = Measure(swept.record, Thoroughness::kEverything);
    EXPECT_EQ(verified.drift.bytes, 60u);
    EXPECT_EQ(verified.drift.messages, 0u);
    EXPECT_EQ(Sums(verified), Figures(40, 1));
}

TEST_F(MailboxMeterTest, CallsNothingDriftThatItsStampsShow) {
    store_.Deliver("d/u", 100);
    store_.Deliver("d/u/.A", 100);
    store_.Deliver("d/u/.B", 100);
    const MeasuredMailbox first = Measure();
    store_.Deliver("d/u", 1);
    store_.Remove("d/u/.A");
    store_.Remove("d/u/.B/cur");
    store_.Deliver("d/u/.New", 1);
    EXPECT_FALSE(Measure(first.record, Thoroughness::kEverything).drift.Any());
}

TEST_F(MailboxMeterTest, CallsNothingDriftInAFolderThatLostADirectory) {
    store_.Deliver("d/u/.A", 100);
    const MeasuredMailbox first = Measure();
    store_.Remove("d/u/.A/new");
    const MeasuredMailbox verified = Measure(first.record, Thoroughness::kEverything);
    EXPECT_FALSE(verified.drift.Any());
    EXPECT_EQ(Sums(verified), Figures(0, 0));
}

}  // namespace
}  // namespace policyd::scanner
