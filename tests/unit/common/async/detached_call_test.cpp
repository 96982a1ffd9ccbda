#include "common/async/detached_call.hpp"

#include <gtest/gtest.h>

#include <future>
#include <stdexcept>

#include "common/async/destroy_elsewhere.hpp"
#include "tests/support/process.hpp"

namespace policyd::async {
namespace {

class DetachedCallTest : public testing::Test {
protected:
    ~DetachedCallTest() override {
        test::WaitUntil("all threads to have ended", [] { return !DetachedThread::AnyIsLeft(); });
    }

    std::optional<int> Wait(DetachedCall<int>& call) { return loop_.RunUntilDone(call.End()); }

    EventLoop loop_;
};

TEST_F(DetachedCallTest, GivesWhatTheFunctionReturnsOrThrows) {
    DetachedCall<int> returns(loop_, [] { return 7; });
    EXPECT_EQ(Wait(returns), 7);
    DetachedCall<int> throws(loop_, []() -> int { throw std::runtime_error("failed"); });
    EXPECT_THROW(Wait(throws), std::runtime_error);
}

TEST_F(DetachedCallTest, NobodyWaitsForWhatWasLeftBehind) {
    std::promise<int> end;
    const std::shared_future<int> ended = end.get_future().share();
    {
        DetachedCall<int> call(loop_, [ended] { return ended.get(); });
        loop_.Post([&call] { call.LeaveBehind(); });
        EXPECT_EQ(Wait(call), std::nullopt);
    }
    {
        const DetachedCall<int> destroyed(loop_, [ended] { return ended.get(); });
    }
    EXPECT_TRUE(DetachedThread::AnyIsLeft());
    EXPECT_FALSE(FinishDestroying()) << "the process is to leave it to itself";
    end.set_value(7);
}

}  // namespace
}  // namespace policyd::async
