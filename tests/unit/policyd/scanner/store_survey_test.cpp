#include "policyd/scanner/store_survey.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/mail_store.hpp"
#include "tests/support/unprivileged.hpp"

namespace policyd::scanner {
namespace {

namespace fs = std::filesystem;

class StoreSurveyTest : public testing::Test {
protected:
    Survey Look(const std::string& layout = "%d/%u") {
        const StoreFiles files(store_.Root());
        Survey survey =
            SurveyStore(files, mail::MailboxLayout(layout), places_, Thoroughness::kEverything);
        places_ = survey.places;
        return survey;
    }

    /// The paths of the symbolic links that it tells of.
    std::vector<std::string> LinksToldOf() {
        std::vector<std::string> links;
        for (const Obstacle& obstacle : Look().obstacles) {
            EXPECT_EQ(obstacle.kind, Obstacle::Kind::kSymbolicLink);
            links.push_back(obstacle.path);
        }
        return links;
    }

    test::MailStore store_;
    Places places_;
};

TEST_F(StoreSurveyTest, TellsOnceOfSymbolicLinksInThePlaceOfDomainsAndMailboxes) {
    store_.Deliver("example.org/ann", 1);
    fs::create_symlink("ann", store_ / "example.org/bob");
    fs::create_symlink("example.org", store_ / "example.net");
    fs::create_symlink("example.org", store_ / ".snapshot");
    EXPECT_THAT(LinksToldOf(), testing::UnorderedElementsAre("example.org/bob", "example.net"));
    EXPECT_THAT(LinksToldOf(), testing::IsEmpty());
    fs::create_symlink("ann", store_ / "example.org/eve");
    EXPECT_THAT(LinksToldOf(), testing::ElementsAre("example.org/eve"));
}

TEST_F(StoreSurveyTest, SaysNothingOfSymbolicLinksThatLeadToNoDirectory) {
    store_.Deliver("example.org/ann", 1);
    store_.WriteFile("example.org/file", 1);
    fs::create_symlink("nowhere", store_ / "example.org/bob");
    fs::create_symlink("file", store_ / "example.org/eve");
    fs::create_symlink("joe", store_ / "example.org/joe");
    EXPECT_THAT(LinksToldOf(), testing::IsEmpty());
}

TEST_F(StoreSurveyTest, SaysNothingOfSymbolicLinksInTheMaildirThatADomainIs) {
    store_.MakeMaildir("example.org");
    fs::create_symlink("cur", store_ / "example.org/.Sent");
    EXPECT_THAT(LinksToldOf(), testing::IsEmpty());
}

TEST_F(StoreSurveyTest, WhatCannotBeReadKeepsItsMailboxesAndIsToldOfOnce) {
    fs::permissions(store_.Root().parent_path(), fs::perms::all);
    store_.Deliver("example.org/ann", 1);
    store_.Deliver("example.net/bob", 1);
    Look();
    fs::permissions(store_ / "example.org", fs::perms::none);
    {
        const test::Unprivileged unprivileged;  // root reads everything
        const Survey survey = Look();
        EXPECT_THAT(survey.mailboxes, testing::ElementsAre("example.net/bob", "example.org/ann"));
        EXPECT_TRUE(survey.places.at("example.org")->unreadable);
        ASSERT_THAT(survey.obstacles, testing::SizeIs(1));
        EXPECT_EQ(survey.obstacles[0].path, "example.org");
        EXPECT_THAT(Look().obstacles, testing::IsEmpty());
    }
    fs::permissions(store_ / "example.org", fs::perms::all);
    EXPECT_FALSE(Look().places.at("example.org")->unreadable);
}

TEST_F(StoreSurveyTest, AUserWhoIsNamedAsAPartOfAMaildirIsOneAlsoWhileThatCannotBeRead) {
    fs::permissions(store_.Root().parent_path(), fs::perms::all);
    store_.Deliver("example.org", 1);
    store_.Deliver("example.org/new", 1);
    const std::vector<std::string> mailboxes{"example.org", "example.org/new"};
    EXPECT_EQ(Look().mailboxes, mailboxes);
    fs::permissions(store_ / "example.org/new", fs::perms::none);
    const test::Unprivileged unprivileged;
    EXPECT_EQ(Look().mailboxes, mailboxes);
}

TEST_F(StoreSurveyTest, ReadsAgainWhatHadJustChangedWhenItWasRead) {
    constexpr FileTime kHour = 3'600'000'000'000;
    store_.Deliver("example.org/ann", 1);
    const auto read_at = [this](FileClock clock) {
        const StoreFiles files(store_.Root());
        const mail::MailboxLayout layout("%d/%u");
        Survey survey = SurveyStore(files, layout, places_, Thoroughness::kWhatChanged, clock);
        places_ = survey.places;
        return survey.work.directories_read;
    };
    const FileClock now = CoarseFileClock;
    const FileClock later = [] { return CoarseFileClock() + kHour; };
    constexpr std::uint64_t kRootAndDomain = 2;
    EXPECT_EQ(read_at(now), kRootAndDomain);
    EXPECT_EQ(read_at(later), kRootAndDomain) << "it may have changed again without a trace";
    EXPECT_EQ(read_at(later), 0u);
    EXPECT_EQ(read_at(now), kRootAndDomain) << "the clock was set back";
}

TEST_F(StoreSurveyTest, LooksOnlyBelowWhereTheLayoutHasMailboxes) {
    store_.Deliver("vmail1/example.org/ann", 1);
    store_.Deliver("backup/example.org/ann", 1);
    fs::create_directories(store_ / "backup/latest/x");
    fs::create_symlink("vmail1", store_ / "current");
    const Survey survey = Look("vmail1/%d/%u");
    EXPECT_THAT(survey.mailboxes, testing::ElementsAre("vmail1/example.org/ann"));
    EXPECT_THAT(survey.obstacles, testing::IsEmpty());
    EXPECT_FALSE(survey.places.contains("backup"));
    EXPECT_EQ(survey.work.directories_read, 3u);
}

class MisplacedMaildirTest : public StoreSurveyTest {
protected:
    /// The paths of the misplaced Maildirs that it tells of.
    std::vector<std::string> ToldOf(const std::string& layout) {
        std::vector<std::string> misplaced;
        for (const Obstacle& obstacle : Look(layout).obstacles) {
            EXPECT_EQ(obstacle.kind, Obstacle::Kind::kMisplacedMaildir);
            misplaced.push_back(obstacle.path);
        }
        return misplaced;
    }
};

TEST_F(MisplacedMaildirTest, IsOneWhoseHashIsAnother) {
    store_.Deliver("example.org/n/ann", 1);
    store_.Deliver("example.org/n/anton", 1);
    store_.Deliver("example.net/b/bob", 1);
    EXPECT_THAT(ToldOf("%d/%1u/%u"), testing::ElementsAre("example.org/n/ann")) << "one is enough";
}

TEST_F(MisplacedMaildirTest, IsOneThatStandsWhereTheLayoutHasAHash) {
    store_.Deliver("example.org/ann", 1);
    EXPECT_THAT(ToldOf("%d/%1u/%u"), testing::ElementsAre("example.org/ann"));
}

TEST_F(MisplacedMaildirTest, MayBeTheRootItself) {
    store_.MakeMaildir(".");
    EXPECT_THAT(ToldOf("%u@%d"), testing::ElementsAre("."));
}

TEST_F(MisplacedMaildirTest, IsNoneWithoutTheDirectoriesOfOne) {
    fs::create_directory(store_ / "new");
    EXPECT_THAT(ToldOf("%u@%d"), testing::IsEmpty());
}

TEST_F(MisplacedMaildirTest, IsLookedForInAFewPlaces) {
    for (int i = 10; i < 40; ++i)
        fs::create_directories(store_ / ("a.test/x/" + std::to_string(i)));
    store_.Deliver("a.test/x/last", 1);
    EXPECT_THAT(ToldOf("%d/%1u/%u"), testing::IsEmpty());
    const std::uint64_t looked = Look("%d/%1u/%u").work.directories_looked_at;
    EXPECT_LE(looked, 3u + 8u);
}

TEST_F(MisplacedMaildirTest, IsNoFolderOfTheMaildirThatADomainIs) {
    store_.Deliver("example.org", 1);
    store_.Deliver("example.org/.Sent", 1);
    EXPECT_THAT(ToldOf("%d/%u"), testing::IsEmpty());
}

TEST_F(StoreSurveyTest, WhatFsckFindsOnADiskOfADomainIsNoMailboxUnlessItIsAMaildir) {
    store_.Deliver("example.org/ann", 1);
    fs::create_directories(store_ / "example.org/lost+found");
    EXPECT_THAT(Look().mailboxes, testing::ElementsAre("example.org/ann"));
    store_.Deliver("example.org/lost+found", 1);
    EXPECT_THAT(Look().mailboxes,
                testing::UnorderedElementsAre("example.org/ann", "example.org/lost+found"));
    store_.Remove("example.org/lost+found/cur");
    EXPECT_THAT(Look().mailboxes, testing::SizeIs(2)) << "a delivery makes its new first";
}

TEST_F(StoreSurveyTest, WhatFsckFindsIsNoStepOfAHashedLayoutEither) {
    store_.Deliver("example.org/a/ann", 1);
    fs::create_directories(store_ / "example.org/lost+found/#4711");
    const Survey survey = Look("%d/%1u/%u");
    EXPECT_THAT(survey.mailboxes, testing::ElementsAre("example.org/a/ann"));
    EXPECT_FALSE(survey.places.contains("example.org/lost+found"));
}

}  // namespace
}  // namespace policyd::scanner
