#include "policyd/scanner/state_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "tests/support/mail_store.hpp"

namespace policyd::scanner {
namespace {

class StateFileTest : public testing::Test {
protected:
    StateFileTest() {
        MailboxRecord record;
        record.stamp = {1, 2, 3, 4};
        record.has_strays = true;
        record.names = std::string("\0.Sent\0", 7);
        record.folders.resize(2);
        record.folders[1].name = 1;
        record.folders[1].seen = {5, 6, 7, 8, 9, true, false};
        record.folders[1].fresh.unreadable = record.folders[1].fresh.is_unknown = true;
        KnownMailbox mailbox;
        mailbox.record = std::make_shared<const MailboxRecord>(record);
        mailbox.changed_at = 10;
        mailbox.change_took = 19;
        mailbox.committed_at = 11;
        mailbox.verified_at = 12;
        state_.root_device = 13;
        state_.listed_store_at = 18;
        state_.mailboxes["d/u"] = mailbox;
        state_.mailboxes["d/v"] = {};
        Place place;
        place.stamp = {14, 15, 16, 17};
        place.is_mailbox = place.misses_disk = true;
        place.children = std::string("u\0v\0", 4);
        state_.places["d"] = std::make_shared<const Place>(place);
    }

    std::string Path() const { return scratch_ / "scan.state"; }
    StateFile File(const std::string& depends_on = "rules") const { return {Path(), depends_on}; }

    void Overwrite(const std::string& content) const {
        std::ofstream(Path(), std::ios::binary) << content;
    }

    test::ScratchDirectory scratch_;
    ScanState state_;
};

TEST_F(StateFileTest, GivesBackWhatWasSaved) {
    File().Save(state_);
    const ScanState loaded = File().Load().value();

    EXPECT_EQ(loaded.root_device, 13u);
    EXPECT_EQ(loaded.listed_store_at, 18);
    ASSERT_EQ(loaded.mailboxes.size(), 2u);
    const KnownMailbox& mailbox = loaded.mailboxes.at("d/u");
    EXPECT_EQ(mailbox.changed_at, 10);
    EXPECT_EQ(mailbox.change_took, 19u);
    EXPECT_EQ(mailbox.committed_at, 11);
    EXPECT_EQ(mailbox.stored_at, 11) << "the store prefers it to what began before";
    EXPECT_EQ(mailbox.verified_at, 12);
    EXPECT_EQ(mailbox.record->stamp, (DirectoryStamp{1, 2, 3, 4}));
    EXPECT_TRUE(mailbox.record->has_strays);
    EXPECT_FALSE(mailbox.record->unreadable);
    ASSERT_NE(mailbox.record->Find(".Sent"), nullptr);
    EXPECT_TRUE(mailbox.record->Find(".Sent")->seen.HoldsWhat({5, 6, 7, 8, 9}));
    EXPECT_TRUE(mailbox.record->Find(".Sent")->seen.racy);
    EXPECT_TRUE(mailbox.record->IsPartial());
    EXPECT_TRUE(mailbox.record->HasUnknownParts());
    EXPECT_FALSE(mailbox.record->Find(".Sent")->seen.is_unknown);
    EXPECT_EQ(loaded.mailboxes.at("d/v").record, nullptr);
    EXPECT_EQ(loaded.places.at("d")->stamp, (DirectoryStamp{14, 15, 16, 17}));
    EXPECT_TRUE(loaded.places.at("d")->is_mailbox);
    EXPECT_FALSE(loaded.places.at("d")->is_mounted);
    EXPECT_TRUE(loaded.places.at("d")->misses_disk);
    EXPECT_EQ(loaded.places.at("d")->children, std::string("u\0v\0", 4));
}

TEST_F(StateFileTest, GivesBackWhatIsNotToBeBelieved) {
    for (const bool racy : {true, false}) {
        MailboxRecord record = *state_.mailboxes["d/u"].record;
        Place place = *state_.places["d"];
        record.racy = place.racy = racy;
        record.unreadable = place.unreadable = !racy;
        state_.mailboxes["d/u"].record = std::make_shared<const MailboxRecord>(record);
        state_.places["d"] = std::make_shared<const Place>(place);
        File().Save(state_);
        const ScanState loaded = File().Load().value();
        EXPECT_EQ(loaded.mailboxes.at("d/u").record->racy, racy);
        EXPECT_EQ(loaded.mailboxes.at("d/u").record->unreadable, !racy);
        EXPECT_EQ(loaded.places.at("d")->racy, racy);
        EXPECT_EQ(loaded.places.at("d")->unreadable, !racy);
    }
}

TEST_F(StateFileTest, IsSavedWhereACrashLeftHalfOfIt) {
    std::ofstream(Path() + ".new") << "half";
    File().Save(state_);
    EXPECT_EQ(File().Load().value().mailboxes.size(), 2u);
    EXPECT_FALSE(std::filesystem::exists(Path() + ".new"));
}

TEST_F(StateFileTest, LeavesNothingWhereItCannotBeSaved) {
    std::filesystem::create_directories(Path() + "/taken");
    EXPECT_THROW(File().Save(state_), std::system_error);
    EXPECT_FALSE(std::filesystem::exists(Path() + ".new"));
}

TEST_F(StateFileTest, IsNotTakenForNoneWhereItCannotBeLookedFor) {
    Overwrite("a file");
    EXPECT_THROW(StateFile(Path() + "/below", "rules").Load(), std::system_error);
}

TEST_F(StateFileTest, GivesBackADomainOfMoreNamesThanItReadsAtOnce) {
    Place place;
    while (place.children.size() < 1'000'000) place.children.append("somebody").push_back('\0');
    state_.places["large"] = std::make_shared<const Place>(place);
    File().Save(state_);
    const ScanState loaded = File().Load().value();

    EXPECT_EQ(loaded.places.at("large")->children, place.children);
    EXPECT_EQ(loaded.mailboxes.size(), 2u);
}

TEST_F(StateFileTest, GivesBackMailboxesThatWereAddedSinceItWasSaved) {
    StateFile file = File();
    EXPECT_FALSE(file.Add({"d/w"})) << "to what?";
    file.Save(state_);
    const std::string saved = test::ReadFile(Path());
    EXPECT_FALSE(File().Load().value().has_changed);
    EXPECT_TRUE(file.Add({"d/w"}));
    EXPECT_TRUE(file.Add({"d/a\n", "d/u"}));
    EXPECT_EQ(test::ReadFile(Path()), saved);

    StateFile next = File();
    const ScanState loaded = next.Load().value();
    EXPECT_TRUE(loaded.has_changed);
    EXPECT_EQ(loaded.mailboxes.size(), 4u);
    EXPECT_EQ(loaded.mailboxes.at("d/w").record, nullptr);
    EXPECT_NE(loaded.mailboxes.at("d/u").record, nullptr);
    EXPECT_TRUE(next.Add({"d/x"}));
    EXPECT_EQ(File().Load().value().mailboxes.size(), 5u);
}

TEST_F(StateFileTest, GivesBackNoneThatWereAddedToAnother) {
    StateFile file = File();
    file.Save(state_);
    file.Add({"d/w"});
    const std::string added = test::ReadFile(Path() + ".new-mailboxes");
    state_.root_device = 14;
    file.Save(state_);
    EXPECT_FALSE(std::filesystem::exists(Path() + ".new-mailboxes"));
    std::ofstream(Path() + ".new-mailboxes", std::ios::binary) << added;  // a crash came between
    EXPECT_EQ(File().Load().value().mailboxes.size(), 2u);
}

TEST_F(StateFileTest, IsNotBelievedWhereWhatWasAddedIsDamaged) {
    StateFile file = File();
    file.Save(state_);
    file.Add({"d/w"});
    std::filesystem::resize_file(Path() + ".new-mailboxes", 25);
    EXPECT_THROW(File().Load(), StateDamaged);
}

TEST_F(StateFileTest, HasNothingBeforeTheFirstSave) {
    EXPECT_FALSE(File().Load());
}

TEST_F(StateFileTest, IsNotBelievedUnderOtherRules) {
    File("one").Save(state_);
    EXPECT_THROW(File("two").Load(), StateDamaged);
}

TEST_F(StateFileTest, IsNotBelievedWhenItIsCutAnywhere) {
    File().Save(state_);
    const std::string whole = test::ReadFile(Path());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        Overwrite(whole.substr(0, size));
        EXPECT_THROW(File().Load(), StateDamaged) << size;
    }
}

TEST_F(StateFileTest, IsNotBelievedWhenAnyByteDiffers) {
    File().Save(state_);
    const std::string whole = test::ReadFile(Path());
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        Overwrite(damaged);
        EXPECT_THROW(File().Load(), StateDamaged) << at;
    }
}

TEST_F(StateFileTest, IsNotBelievedWhenSomethingFollowsIt) {
    File().Save(state_);
    Overwrite(test::ReadFile(Path()) + "12345678");
    EXPECT_THROW(File().Load(), StateDamaged);
}

TEST_F(StateFileTest, NamesWhatIsNoFile) {
    std::filesystem::create_directory(Path());
    EXPECT_THAT([this] { File().Load(); },
                testing::ThrowsMessage<std::system_error>(testing::StartsWith(Path())));
    std::filesystem::remove(Path());
    ASSERT_EQ(mkfifo(Path().c_str(), 0600), 0);
    EXPECT_THAT([this] { File().Load(); },
                testing::ThrowsMessage<std::system_error>(testing::StartsWith(Path())));
}

TEST_F(StateFileTest, LeavesTheOldFileWhereTheNewOneCannotBeWritten) {
    File().Save(state_);
    const std::string before = test::ReadFile(Path());
    std::filesystem::create_directory(Path() + ".new");
    EXPECT_THROW(File().Save({}), std::system_error);
    EXPECT_EQ(test::ReadFile(Path()), before);
}

TEST_F(StateFileTest, IsUsedByOneScannerAtATime) {
    auto first = StateLock::Take(Path());
    EXPECT_NE(first, nullptr);
    EXPECT_EQ(StateLock::Take(Path()), nullptr);
    first.reset();
    EXPECT_NE(StateLock::Take(Path()), nullptr);
}

}  // namespace
}  // namespace policyd::scanner
