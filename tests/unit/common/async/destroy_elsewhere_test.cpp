#include "common/async/destroy_elsewhere.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace policyd::async {
namespace {

/// Tells on which thread it ends.
struct Remains {
    explicit Remains(std::promise<std::thread::id>& ended) : ended_on(ended) {}
    ~Remains() { ended_on.set_value(std::this_thread::get_id()); }
    std::promise<std::thread::id>& ended_on;
};

TEST(DestroyElsewhereTest, WhatIsHandedOverEndsOnAnotherThread) {
    for (int i = 0; i < 2; ++i) {
        std::promise<std::thread::id> ended;
        DestroyElsewhere(std::make_shared<const Remains>(ended));
        EXPECT_NE(ended.get_future().get(), std::this_thread::get_id());
    }
}

TEST(DestroyElsewhereTest, WhatSomebodyElseHoldsStays) {
    std::promise<std::thread::id> ended;
    std::promise<std::thread::id> other_ended;
    auto remains = std::make_shared<const Remains>(ended);
    DestroyElsewhere(remains);
    DestroyElsewhere(std::make_shared<const Remains>(other_ended));
    other_ended.get_future().get();
    remains.reset();
    EXPECT_EQ(ended.get_future().get(), std::this_thread::get_id());
}

}  // namespace
}  // namespace policyd::async
