#include "policyd/server/metrics_endpoint.hpp"

#include <gtest/gtest.h>

namespace policyd::server {
namespace {

TEST(HealthTest, IsReadyWhileAllBackEndsAnswer) {
    const HttpReply reply = Health("", {});
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "ready\n");
}

TEST(HealthTest, NamesTheBackEndsThatDoNotAnswerAndStillTakesRequests) {
    const HttpReply reply = Health("", {"mysql:/etc/users.cf", "redis:unix:/run/redis.sock"});
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "degraded\nmysql:/etc/users.cf\nredis:unix:/run/redis.sock\n");
}

TEST(HealthTest, AServerThatIsNoMoreThanAliveWantsNoRequestsAndSaysWhy) {
    const HttpReply reply = Health("stopping", {"mysql:/etc/users.cf"});
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.body, "alive\nstopping\n");
}

}  // namespace
}  // namespace policyd::server
