#include "common/outage/circuit_breaker.hpp"

#include <gtest/gtest.h>

namespace policyd::outage {
namespace {

using namespace std::chrono_literals;

class CircuitBreakerTest : public testing::Test {
protected:
    void FailThreeTimes() {
        for (int i = 0; i < 3; ++i) breaker_.Failed(now_);
    }

    CircuitBreaker breaker_;
    std::chrono::milliseconds now_{5'000};
};

TEST_F(CircuitBreakerTest, StaysClosedWhileAnAnswerComesInBetween) {
    for (int i = 0; i < 10; ++i) {
        breaker_.Failed(now_);
        breaker_.Failed(now_);
        breaker_.Answered();
    }
    EXPECT_FALSE(breaker_.IsOpen());
    EXPECT_TRUE(breaker_.MayAsk(now_));
}

TEST_F(CircuitBreakerTest, OpensAtTheThirdFailureInARow) {
    breaker_.Failed(now_);
    breaker_.Failed(now_);
    EXPECT_TRUE(breaker_.MayAsk(now_));
    breaker_.Failed(now_);
    EXPECT_TRUE(breaker_.IsOpen());
    EXPECT_FALSE(breaker_.MayAsk(now_));
}

TEST_F(CircuitBreakerTest, LetsOneProbeThroughASecond) {
    FailThreeTimes();
    EXPECT_FALSE(breaker_.MayAsk(now_ + 999ms));
    EXPECT_TRUE(breaker_.MayAsk(now_ + 1000ms));
    EXPECT_FALSE(breaker_.MayAsk(now_ + 1001ms));
    EXPECT_FALSE(breaker_.MayAsk(now_ + 1999ms));
    EXPECT_TRUE(breaker_.MayAsk(now_ + 2000ms));
}

TEST_F(CircuitBreakerTest, AProbeThatFailsPutsTheNextOneOff) {
    FailThreeTimes();
    EXPECT_TRUE(breaker_.MayAsk(now_ + 1000ms));
    breaker_.Failed(now_ + 1500ms);
    EXPECT_FALSE(breaker_.MayAsk(now_ + 2499ms));
    EXPECT_TRUE(breaker_.MayAsk(now_ + 2500ms));
}

TEST_F(CircuitBreakerTest, AProbeThatIsAnsweredLetsEverybodyAskAgain) {
    FailThreeTimes();
    EXPECT_TRUE(breaker_.MayAsk(now_ + 1000ms));
    breaker_.Answered();
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(breaker_.MayAsk(now_ + 1000ms));
}

}  // namespace
}  // namespace policyd::outage
