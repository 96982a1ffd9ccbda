#include "loadtest/recipient_count.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace policyd::loadtest {
namespace {

TEST(RecipientCountTest, KeepsItsAverageAlthoughNoMessageHasMoreThanFifty) {
    for (const double average : {1.0, 2.0, 10.0, 25.0}) {
        const RecipientCount recipients(average);
        Random random(1);
        std::size_t sum = 0;
        std::size_t most = 0;
        for (int i = 0; i < 20'000; ++i) {
            const std::size_t count = recipients.Choose(random);
            EXPECT_GE(count, 1U);
            most = std::max(most, count);
            sum += count;
        }
        EXPECT_NEAR(static_cast<double>(sum) / 20'000, average, average / 50);
        EXPECT_LE(most, 50U);
    }
}

}  // namespace
}  // namespace policyd::loadtest
