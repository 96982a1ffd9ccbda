#include "common/async/answer_cache.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>

#include "common/async/event_loop.hpp"
#include "common/async/sleep.hpp"
#include "tests/support/run_to_end.hpp"

namespace policyd::async {
namespace {

using std::chrono::milliseconds;
using Cache = AnswerCache<std::optional<int>>;

class AnswerCacheTest : public testing::Test {
protected:
    Task<std::optional<int>> Load(const std::string& key) {
        ++loads_;
        now_ += takes_;
        if (down_) throw std::runtime_error("down");
        if (key == "unknown") co_return std::nullopt;
        co_return value_;
    }

    std::optional<int> Get(std::string_view key) { return *test::RunToEnd(cache_.Get(key)); }

    milliseconds now_{0};
    milliseconds takes_{0};
    int value_ = 1;
    int loads_ = 0;
    bool down_ = false;
    Cache cache_{2, milliseconds(1000), [this] { return now_; },
                 [](const std::optional<int>& value) { return milliseconds(value ? 100 : 10); },
                 [this](const std::string& key) { return Load(key); }};
};

TEST_F(AnswerCacheTest, GivesAnAnswerWhileItIsFreshAndNoLonger) {
    EXPECT_EQ(Get("a"), 1);
    value_ = 2;
    now_ = milliseconds(99);
    EXPECT_EQ(Get("a"), 1);
    now_ = milliseconds(100);
    EXPECT_EQ(Get("a"), 2);
    EXPECT_EQ(loads_, 2);
}

TEST_F(AnswerCacheTest, HasAtHandWhatIsFreshAndNothingElse) {
    EXPECT_EQ(cache_.AtHand("a"), nullptr);
    EXPECT_EQ(Get("a"), 1);
    now_ = milliseconds(99);
    ASSERT_NE(cache_.AtHand("a"), nullptr);
    EXPECT_EQ(*cache_.AtHand("a"), 1);
    now_ = milliseconds(100);
    EXPECT_EQ(cache_.AtHand("a"), nullptr);
    EXPECT_EQ(cache_.Counted().hits, 2u);
}

TEST_F(AnswerCacheTest, AnAnswerIsAsOldAsTheBeginningOfItsLookUp) {
    now_ = milliseconds(0);
    takes_ = milliseconds(60);
    EXPECT_EQ(Get("a"), 1);
    now_ = milliseconds(99);
    EXPECT_NE(cache_.AtHand("a"), nullptr);
    now_ = milliseconds(100);
    EXPECT_EQ(cache_.AtHand("a"), nullptr);
}

TEST_F(AnswerCacheTest, KeepsNegativeAnswersForTheirOwnTime) {
    EXPECT_EQ(Get("unknown"), std::nullopt);
    now_ = milliseconds(9);
    EXPECT_EQ(Get("unknown"), std::nullopt);
    EXPECT_EQ(loads_, 1);
    now_ = milliseconds(10);
    Get("unknown");
    EXPECT_EQ(loads_, 2);
}

TEST_F(AnswerCacheTest, GivesAStaleAnswerWhileTheLookUpFailsButNotForEver) {
    EXPECT_EQ(Get("a"), 1);
    down_ = true;
    now_ = milliseconds(1099);
    EXPECT_EQ(Get("a"), 1);
    EXPECT_EQ(cache_.Counted().stale, 1u);
    now_ = milliseconds(1100);
    EXPECT_THROW(Get("a"), std::runtime_error);
    EXPECT_THROW(Get("never asked"), std::runtime_error);
}

TEST_F(AnswerCacheTest, GivesEachCallerNoStalerAnswerThanItTakes) {
    EXPECT_EQ(Get("a"), 1);
    down_ = true;
    now_ = milliseconds(300);
    const Cache::Given stale = test::RunToEnd(cache_.Get("a", milliseconds(201)));
    EXPECT_EQ(*stale, 1);
    EXPECT_TRUE(stale.is_stale);
    EXPECT_THROW(test::RunToEnd(cache_.Get("a", milliseconds(200))), std::runtime_error);
}

TEST_F(AnswerCacheTest, AnAnswerThatIsNeverFreshServesWhileTheLookUpFails) {
    Cache cache(
        2, milliseconds(1000), [this] { return now_; },
        [](const std::optional<int>&) { return milliseconds(0); },
        [this](const std::string& key) { return Load(key); });
    EXPECT_EQ(*test::RunToEnd(cache.Get("a")), 1);
    value_ = 2;
    EXPECT_EQ(*test::RunToEnd(cache.Get("a")), 2);
    down_ = true;
    EXPECT_EQ(*test::RunToEnd(cache.Get("a")), 2);
}

TEST_F(AnswerCacheTest, SomeAnswersAreNeverGivenWhenTheyAreStale) {
    Cache cache(
        2, milliseconds(1000), [this] { return now_; },
        [](const std::optional<int>&) { return milliseconds(0); },
        [this](const std::string& key) { return Load(key); },
        [](const std::optional<int>& value) { return value.has_value(); });
    test::RunToEnd(cache.Get("unknown"));
    down_ = true;
    EXPECT_THROW(test::RunToEnd(cache.Get("unknown")), std::runtime_error);
}

TEST_F(AnswerCacheTest, TakesAnAnswerThatWasComeByInAnotherWay) {
    cache_.Remember("a", 7);
    EXPECT_EQ(Get("a"), 7);
    EXPECT_EQ(loads_, 0);
}

TEST_F(AnswerCacheTest, LetsAnAnswerGoThatWasNotUsedLately) {
    Get("a");
    Get("b");
    Get("a");
    Get("c");
    EXPECT_EQ(cache_.Size(), 2u);
    EXPECT_NE(cache_.Fresh("a"), nullptr);
    EXPECT_EQ(cache_.Fresh("b"), nullptr);
}

TEST_F(AnswerCacheTest, ForgetsEverythingWhenCleared) {
    Get("a");
    cache_.Clear();
    value_ = 2;
    EXPECT_EQ(Get("a"), 2);
}

/// Loads slowly, on a real loop.
class SlowCacheTest : public testing::Test {
protected:
    Task<std::optional<int>> Load(const std::string&) {
        ++loads_;
        co_await Sleep(loop_.Raw(), milliseconds(1));
        if (down_) throw std::runtime_error("down");
        co_return loads_;
    }
    Task<void> Ask(int& answered, int& failed) {
        try {
            co_await cache_.Get("key");
            ++answered;
        } catch (const std::runtime_error&) {
            ++failed;
        }
    }

    EventLoop loop_;
    int loads_ = 0;
    bool down_ = false;
    Cache cache_{2, milliseconds(0), [] { return milliseconds(0); },
                 [](const std::optional<int>&) { return milliseconds(100); },
                 [this](const std::string& key) { return Load(key); }};
};

TEST_F(SlowCacheTest, AsksOnceForAllWhoAskMeanwhile) {
    int answered = 0, failed = 0;
    for (int i = 0; i < 10; ++i) Spawn(Ask(answered, failed), [](std::exception_ptr) {});
    while (answered < 10) loop_.RunOnce();
    EXPECT_EQ(loads_, 1);
    EXPECT_EQ(failed, 0);
}

TEST_F(SlowCacheTest, WhoAsksAfterAFlushDoesNotWaitForALookUpOfBefore) {
    int answered = 0, failed = 0;
    Spawn(Ask(answered, failed), [](std::exception_ptr) {});
    cache_.Clear();
    Spawn(Ask(answered, failed), [](std::exception_ptr) {});
    EXPECT_EQ(loads_, 2);
    while (answered < 2) loop_.RunOnce();
    EXPECT_NE(cache_.AtHand("key"), nullptr) << "of the second";
    EXPECT_EQ(cache_.Size(), 1u);
}

TEST_F(SlowCacheTest, TellsAllWhoWaitThatTheLookUpFailed) {
    down_ = true;
    int answered = 0, failed = 0;
    for (int i = 0; i < 10; ++i) Spawn(Ask(answered, failed), [](std::exception_ptr) {});
    while (failed < 10) loop_.RunOnce();
    EXPECT_EQ(loads_, 1);
    EXPECT_EQ(answered, 0);
}

TEST_F(AnswerCacheTest, WhatItTakesOverServesOnlyWhileNobodyCanBeAsked) {
    EXPECT_EQ(Get("a"), 1);
    now_ = milliseconds(50);
    Cache successor(
        2, milliseconds(1000), [this] { return now_; },
        [](const std::optional<int>&) { return milliseconds(100); },
        [this](const std::string& key) { return Load(key); });
    successor.TakeOver(cache_);
    EXPECT_EQ(cache_.Size(), 0u);
    EXPECT_EQ(successor.AtHand("a"), nullptr);
    EXPECT_EQ(successor.Fresh("a"), nullptr);
    down_ = true;
    now_ = milliseconds(1099);
    EXPECT_EQ(*test::RunToEnd(successor.Get("a")), 1);
    EXPECT_NE(successor.Remembered("a", milliseconds(1000)), nullptr);
    down_ = false;
    value_ = 2;
    EXPECT_EQ(*test::RunToEnd(successor.Get("a")), 2);
    EXPECT_NE(successor.AtHand("a"), nullptr) << "was asked for since";
}

TEST_F(AnswerCacheTest, WhatItTakesOverGetsNoOlderThanItWouldHaveGot) {
    EXPECT_EQ(Get("a"), 1);
    Cache successor(
        2, milliseconds(1000), [this] { return now_; },
        [](const std::optional<int>&) { return milliseconds(100); },
        [this](const std::string& key) { return Load(key); });
    now_ = milliseconds(500);
    successor.TakeOver(cache_);
    down_ = true;
    now_ = milliseconds(1100);
    EXPECT_THROW(test::RunToEnd(successor.Get("a")), std::runtime_error);
}

TEST_F(AnswerCacheTest, WhatItTakesOverGoesByItsOwnTimesAndBounds) {
    Cache large(
        10, milliseconds(1000), [this] { return now_; },
        [](const std::optional<int>&) { return milliseconds(5000); },
        [this](const std::string& key) { return Load(key); });
    for (const char* key : {"a", "b", "c", "d", "e", "f"}) test::RunToEnd(large.Get(key));
    cache_.TakeOver(large);
    EXPECT_EQ(cache_.Size(), 6u);
    for (int i = 0; i < 5; ++i) Get("new" + std::to_string(i));
    EXPECT_EQ(cache_.Size(), 2u);

    test::RunToEnd(large.Get("a"));
    cache_.TakeOver(large);
    down_ = true;
    now_ = milliseconds(1099);
    EXPECT_NE(cache_.Remembered("a", milliseconds(1000)), nullptr);
    EXPECT_EQ(cache_.Remembered("a", milliseconds(0)), nullptr);
    now_ = milliseconds(1100);
    EXPECT_EQ(cache_.Remembered("a", milliseconds(1000)), nullptr);
}

}  // namespace
}  // namespace policyd::async
