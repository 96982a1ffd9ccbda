#include "common/async/task.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/run_to_end.hpp"

namespace policyd::async {
namespace {

using test::RunToEnd;

Task<std::unique_ptr<int>> Doubled(Task<std::unique_ptr<int>> number) {
    const auto value = co_await number;
    co_return std::make_unique<int>(*value * 2);
}

Task<std::string> After(Task<void> task, std::string then) {
    co_await task;
    co_return then;
}

TEST(TaskTest, AResultThatIsAtHandIsAwaitedAsThatOfACoroutine) {
    auto three = Task<std::unique_ptr<int>>::Of(std::make_unique<int>(3));
    EXPECT_EQ(*RunToEnd(Doubled(Doubled(std::move(three)))), 12);
    EXPECT_EQ(RunToEnd(Task<std::optional<int>>::Of()), std::nullopt);
    EXPECT_EQ(RunToEnd(After(Task<>::Of(), "then")), "then");
}

TEST(TaskTest, AResultThatNobodyAwaitsEndsWithItsTask) {
    const auto kept = std::make_shared<int>(3);
    { const auto unused = Task<std::shared_ptr<int>>::Of(kept); }
    EXPECT_EQ(kept.use_count(), 1);
}

}  // namespace
}  // namespace policyd::async
