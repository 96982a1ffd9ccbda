#include "common/redis/name_lookup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace policyd::redis {
namespace {

struct Told {
    NameLookup::OnAnswer Taker() {
        return [this](const std::vector<std::string>& found, const std::string& why) {
            ++times;
            addresses = found;
            failure = why;
        };
    }
    int times = 0;
    std::vector<std::string> addresses;
    std::string failure;
};

TEST(NameLookupTest, TellsTheAddressesOfANameOrWhyThereAreNone) {
    async::EventLoop loop;
    Told local;
    Told none;
    const NameLookup local_lookup(loop, "localhost", local.Taker());
    const NameLookup other_lookup(loop, "no name at all", none.Taker());
    loop.Drain();
    EXPECT_THAT(local.addresses, testing::Contains(testing::AnyOf("127.0.0.1", "::1")));
    EXPECT_EQ(none.times, 1);
    EXPECT_THAT(none.addresses, testing::IsEmpty());
    EXPECT_NE(none.failure, "");
}

TEST(NameLookupTest, WhoHasDroppedItIsNotTold) {
    async::EventLoop loop;
    Told told;
    { const NameLookup dropped(loop, "localhost", told.Taker()); }
    loop.Drain();
    EXPECT_EQ(told.times, 0);
}

}  // namespace
}  // namespace policyd::redis
