#include "policyd/server/metrics_endpoint.hpp"

#include <gtest/gtest.h>

namespace policyd::server {
namespace {

TEST(HealthTest, IsReadyWhileAllBackEndsAnswer) {
    const HttpReply reply = Health(false, {});
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "ready\n");
}

TEST(HealthTest, NamesTheBackEndsThatDoNotAnswerAndStillTakesRequests) {
    const HttpReply reply = Health(false, {"mysql:/etc/users.cf", "redis:unix:/run/redis.sock"});
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "degraded\nmysql:/etc/users.cf\nredis:unix:/run/redis.sock\n");
}

TEST(HealthTest, AServerThatStopsWantsNoMoreRequests) {
    EXPECT_EQ(Health(true, {"mysql:/etc/users.cf"}).status, 503);
}

}  // namespace
}  // namespace policyd::server
