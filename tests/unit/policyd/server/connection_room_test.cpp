#include "policyd/server/connection_room.hpp"

#include <gtest/gtest.h>

namespace policyd::server {
namespace {

struct Client : ConnectionRoom::Waiter {
    void OnRoom() override { ++places; }
    int places = 0;
};

TEST(ConnectionRoomTest, WhoHasWaitedLongestGetsThePlaceThatIsReturned) {
    ConnectionRoom room(2);
    Client first, second, third;
    EXPECT_TRUE(room.TakeOrWait(first));
    EXPECT_TRUE(room.TakeOrWait(first));
    EXPECT_FALSE(room.SomebodyWaits());
    EXPECT_FALSE(room.TakeOrWait(second));
    EXPECT_FALSE(room.TakeOrWait(third));
    EXPECT_TRUE(room.SomebodyWaits());
    room.Return();
    EXPECT_EQ(second.places, 1);
    EXPECT_EQ(third.places, 0);
    EXPECT_FALSE(room.TakeOrWait(second)) << "the place that came back is taken";
    room.Return();
    EXPECT_EQ(third.places, 1);
}

TEST(ConnectionRoomTest, WhoIsForgottenGetsNone) {
    ConnectionRoom room(1);
    Client first, second;
    EXPECT_TRUE(room.TakeOrWait(first));
    EXPECT_FALSE(room.TakeOrWait(second));
    EXPECT_FALSE(room.TakeOrWait(second));
    room.Forget(second);
    room.Return();
    EXPECT_EQ(second.places, 0);
    EXPECT_TRUE(room.TakeOrWait(first));
}

TEST(ConnectionRoomTest, MoreRoomIsForThoseWhoWaitAndLessIsKeptOnceEnoughHaveGone) {
    ConnectionRoom room(1);
    Client client;
    for (int i = 0; i < 4; ++i) room.TakeOrWait(client);
    room.Allow(3);
    EXPECT_EQ(client.places, 2);
    room.Allow(1);
    room.Return();
    room.Return();
    EXPECT_EQ(client.places, 2) << "one connection is open still";
    room.Return();
    EXPECT_EQ(client.places, 3);
}

}  // namespace
}  // namespace policyd::server
