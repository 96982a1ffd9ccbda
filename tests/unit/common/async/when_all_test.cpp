#include "common/async/when_all.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "common/async/event_loop.hpp"
#include "common/async/sleep.hpp"

namespace policyd::async {
namespace {

using std::chrono::milliseconds;

class WhenAllTest : public testing::Test {
protected:
    Task<std::unique_ptr<int>> After(milliseconds time, int number) {
        started_.push_back(number);
        co_await Sleep(loop_.Raw(), time);
        ended_.push_back(number);
        co_return std::make_unique<int>(number);
    }

    Task<void> FailAfter(milliseconds time, std::string why) {
        co_await Sleep(loop_.Raw(), time);
        ended_.push_back(0);
        throw std::runtime_error(why);
    }

    static Task<void> AtOnce() { co_return; }

    EventLoop loop_;
    std::vector<int> started_;
    std::vector<int> ended_;
};

TEST_F(WhenAllTest, GivesResultsInTheOrderOfTheTasksWhicheverEndsFirst) {
    std::vector<Task<std::unique_ptr<int>>> tasks;
    tasks.push_back(After(milliseconds(20), 1));
    tasks.push_back(After(milliseconds(1), 2));
    const auto results = loop_.RunUntilDone(WhenAll(std::move(tasks)));

    EXPECT_THAT(started_, testing::ElementsAre(1, 2));
    EXPECT_THAT(ended_, testing::ElementsAre(2, 1));
    ASSERT_EQ(results.size(), 2u);
    EXPECT_EQ(*results[0], 1);
    EXPECT_EQ(*results[1], 2);
}

TEST_F(WhenAllTest, ThrowsWhatTheFirstThrewOnceAllHaveEnded) {
    std::vector<Task<void>> tasks;
    tasks.push_back(FailAfter(milliseconds(20), "late"));
    tasks.push_back(FailAfter(milliseconds(1), "early"));
    try {
        loop_.RunUntilDone(WhenAll(std::move(tasks)));
        FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "early");
    }
    EXPECT_EQ(ended_.size(), 2u);
}

TEST_F(WhenAllTest, EndsAtOnceWhereNothingHasToBeWaitedFor) {
    loop_.RunUntilDone(WhenAll(std::vector<Task<void>>()));
    std::vector<Task<void>> tasks;
    tasks.push_back(AtOnce());
    tasks.push_back(AtOnce());
    loop_.RunUntilDone(WhenAll(std::move(tasks)));
}

}  // namespace
}  // namespace policyd::async
