#include "policyd/scanner/publisher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "common/log/logging.hpp"
#include "tests/support/recording_usage_store.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::scanner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::chrono::milliseconds kGrace{60'000};

class PublisherTest : public testing::Test {
protected:
    PublisherTest() {
        Start(Patience::kShort);
        BeginLog();
    }
    ~PublisherTest() override { log::Shutdown(); }

    void Start(Patience patience) {
        publisher_.emplace(loop_, store_, state_, layout_, kGrace, patience);
        publisher_->OnStore([this](bool answers) {
            heard_.push_back(answers);
            if (on_outage_ && !answers) on_outage_();
        });
    }

    /// A measurement as the scanner offers it.
    void Offer(const std::string& user, StoreTime began, std::uint64_t bytes = 10,
               bool has_unknown_parts = false) {
        auto record = std::make_shared<MailboxRecord>();
        FolderRecord& inbox = record->folders.emplace_back();
        inbox.fresh.bytes = bytes;
        inbox.fresh.messages = 1;
        inbox.seen.is_unknown = has_unknown_parts;
        KnownMailbox& mailbox = state_.mailboxes["example.org/" + user];
        mailbox.record = std::move(record);
        mailbox.offered_at = began;
        publisher_->Offer("example.org/" + user, began, Publisher::Turn::kLater);
    }
    void Finish() {
        publisher_->RetryRefused();
        loop_.RunUntilDone(publisher_->Finish());
    }
    std::size_t Remove(std::vector<std::string> addresses) {
        return loop_.RunUntilDone(publisher_->Remove(std::move(addresses)));
    }

    StoreTime StoredFrom(const std::string& user) const {
        const auto found = store_.figures.find(user + "@example.org");
        return found == store_.figures.end() ? 0 : found->second.began.time_since_epoch().count();
    }
    const KnownMailbox& Known(const std::string& user) {
        return state_.mailboxes["example.org/" + user];
    }

    std::string Log() const {
        log::Shutdown();
        std::string text = test::ReadFile(log_);
        BeginLog();
        return text;
    }
    /// How often it has said that the store refuses something.
    std::size_t TimesRefusalsWereToldOf() const {
        const std::string text = Log();
        std::size_t times = 0;
        for (auto at = text.find("it refuses"); at != text.npos;
             at = text.find("it refuses", at + 1))
            ++times;
        return times;
    }

    void BeginLog() const {
        log::Configure("policyd-scan", {.destination = "file:" + log_.string(), .level = "error"});
    }

    const test::ScratchDirectory scratch_;
    const std::filesystem::path log_ = scratch_ / "log";
    async::EventLoop loop_;
    test::RecordingUsageStore store_;
    ScanState state_;
    const mail::MailboxLayout layout_{"%d/%u"};
    std::vector<bool> heard_;
    std::function<void()> on_outage_;
    std::optional<Publisher> publisher_;
};

TEST_F(PublisherTest, OfTwoMeasurementsTheLaterOneIsCommitted) {
    Offer("ann", 100);
    Offer("ann", 200);
    Finish();
    EXPECT_EQ(StoredFrom("ann"), 200);
    EXPECT_EQ(publisher_->Committed(), 1u);
    EXPECT_EQ(Known("ann").committed_at, 200);
}

TEST_F(PublisherTest, WhatIsNoMailboxAnyMoreIsNotCommitted) {
    publisher_->Offer("example.org/gone", 100, Publisher::Turn::kLater);
    Finish();
    EXPECT_EQ(publisher_->Committed(), 0u);
    EXPECT_THAT(store_.figures, IsEmpty());
}

TEST_F(PublisherTest, AMeasurementThatTheClockWasSetBackAfterIsNotNotedAsCommitted) {
    Offer("ann", 200);
    state_.mailboxes["example.org/ann"].offered_at = 0;
    Finish();
    EXPECT_EQ(Known("ann").committed_at, 0);
}

TEST_F(PublisherTest, WhatIsMeasuredAgainMeanwhileIsCommittedAsItIsThen) {
    for (const bool is_refused : {false, true}) {
        store_.figures.clear();
        store_.figures["ann@example.org"].began = text::WallTime(std::chrono::milliseconds(1));
        store_.refused = is_refused ? "ann@example.org" : "";
        store_.on_found = [this, is_first = true]() mutable {
            if (std::exchange(is_first, false)) Offer("ann", 200);
        };
        Offer("ann", 100, 10, true);
        Finish();
        store_.refused.clear();
        Finish();
        EXPECT_EQ(StoredFrom("ann"), 200) << is_refused;
        EXPECT_EQ(publisher_->Waiting(), 0u);
    }
}

TEST_F(PublisherTest, WhatCouldNotAllBeReadGivesWayToAsMuch) {
    const auto is_committed_over = [this](std::uint64_t bytes, std::uint64_t messages) {
        const auto before = publisher_->Committed();
        store_.figures["ann@example.org"] = {"ann@example.org", bytes, messages,
                                             text::WallTime(std::chrono::milliseconds(1))};
        Offer("ann", 100, 10, true);
        Finish();
        return publisher_->Committed() > before;
    };
    EXPECT_FALSE(is_committed_over(10, 1));
    EXPECT_TRUE(is_committed_over(9, 1));
    EXPECT_TRUE(is_committed_over(10, 0));
}

TEST_F(PublisherTest, WhatWasRefusedIsTriedOnceMoreAtTheEnd) {
    store_.refused = "ann@example.org";
    Offer("ann", 100);
    Finish();
    EXPECT_EQ(publisher_->Waiting(), 1u);
    store_.refused.clear();
    Finish();
    EXPECT_EQ(StoredFrom("ann"), 100);
    EXPECT_EQ(publisher_->Waiting(), 0u);
}

TEST_F(PublisherTest, ANewMeasurementTakesThePlaceOfOneThatWasRefused) {
    store_.refused = "ann@example.org";
    Offer("ann", 100);
    Finish();
    store_.refused.clear();
    Offer("ann", 200);
    while (StoredFrom("ann") == 0) loop_.RunOnce();
    EXPECT_EQ(publisher_->Waiting(), 0u);
}

TEST_F(PublisherTest, ARefusalIsToldOfAgainOnceItHadBeenTaken) {
    for (int times = 1; times <= 2; ++times) {
        store_.refused = "ann@example.org";
        Offer("ann", 100);
        Offer("bob", 100);
        Finish();
        Finish();
        EXPECT_EQ(TimesRefusalsWereToldOf(), static_cast<std::size_t>(times));
        store_.refused.clear();
        Finish();
    }
}

TEST_F(PublisherTest, AStoreThatIsJustBackRefusesNoFigures) {
    store_.refusals = 2;  // of both together, and of the first
    Offer("ann", 100);
    Offer("bob", 100);
    Finish();
    EXPECT_EQ(publisher_->Waiting(), 0u);
    EXPECT_EQ(TimesRefusalsWereToldOf(), 0u);
}

TEST_F(PublisherTest, AFewThatAreRefusedAreNamedAndManyAreAnOutage) {
    on_outage_ = [this] { publisher_->Stop(); };
    store_.refused_domain = "example.org";
    for (int i = 0; i < 8; ++i) Offer("u" + std::to_string(i), 100);
    Finish();
    EXPECT_THAT(heard_, IsEmpty());
    EXPECT_EQ(TimesRefusalsWereToldOf(), 1u);
    EXPECT_THAT(Log(), AllOf(HasSubstr("u0"), HasSubstr("u7")));

    Start(Patience::kShort);
    for (int i = 10; i < 30; ++i) Offer("u" + std::to_string(i), 100);
    Finish();
    EXPECT_THAT(heard_, ElementsAre(false));
    EXPECT_EQ(publisher_->Waiting(), 20u);
    EXPECT_EQ(TimesRefusalsWereToldOf(), 1u);
}

TEST_F(PublisherTest, AStoreThatHadNoRoomAndThenRefusesOneMailboxTakesTheOthers) {
    store_.takes_nothing = true;
    on_outage_ = [this] {
        store_.takes_nothing = false;
        store_.refused = "ann@example.org";
    };
    Offer("ann", 100);
    Offer("bob", 100);
    Finish();
    EXPECT_EQ(StoredFrom("bob"), 100);
    EXPECT_THAT(heard_, ElementsAre(false, true));
}

TEST_F(PublisherTest, AStoreWithoutRoomIsNotBackForTellingTheTime) {
    Start(Patience::kForever);
    store_.takes_nothing = true;
    Offer("ann", 100);
    while (heard_.empty()) loop_.RunOnce();
    loop_.RunUntilDone(publisher_->AskTime());
    EXPECT_THAT(heard_, ElementsAre(false));
    publisher_->Stop();
    Finish();
}

TEST_F(PublisherTest, AnOutageIsToldOfAtItsBeginningAndAtItsEnd) {
    store_.figures["ann@example.org"] = store_.figures["bob@example.org"] = {};
    store_.failures = 3;
    EXPECT_EQ(Remove({"ann@example.org", "bob@example.org"}), 0u);
    EXPECT_THAT(heard_, ElementsAre(false, true));
    EXPECT_THAT(store_.figures, IsEmpty());
}

TEST_F(PublisherTest, ARemovalThatIsRefusedIsToldOfAgainOnceItHadBeenMade) {
    for (std::size_t times = 1; times <= 2; ++times) {
        store_.refused = "ann@example.org";
        EXPECT_EQ(Remove({"ann@example.org"}), 1u);
        EXPECT_EQ(Remove({"ann@example.org"}), 1u);
        EXPECT_EQ(TimesRefusalsWereToldOf(), times);
        store_.refused.clear();
        EXPECT_EQ(Remove({"ann@example.org"}), 0u);
    }
}

TEST_F(PublisherTest, StoppedItWaitsForNoStore) {
    Start(Patience::kForever);
    on_outage_ = [this] { publisher_->Stop(); };
    store_.failures = 1'000;
    Offer("ann", 100);
    Finish();
    EXPECT_EQ(publisher_->Waiting(), 1u);
    EXPECT_THAT(Log(), Not(HasSubstr("given up")));
}

}  // namespace
}  // namespace policyd::scanner
