#include "policyd/server/metrics_endpoint.hpp"

#include <gtest/gtest.h>

#include "common/metrics/prometheus_text.hpp"
#include "common/outage/back_end.hpp"
#include "tests/support/run_to_end.hpp"

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

TEST(MetricsRoutesTest, TellWhatThereIsToTellWhenTheyAreAsked) {
    std::string why_not_ready;
    const auto routes = MetricsRoutes([&] { return why_not_ready; });
    ASSERT_EQ(routes.size(), 2u);
    EXPECT_EQ(routes[0].path, "/metrics");
    EXPECT_EQ(test::RunToEnd(routes[0].answer()).type, metrics::kPrometheusType);
    EXPECT_EQ(routes[1].path, "/health");
    const auto health = [&] { return test::RunToEnd(routes[1].answer()).body; };
    EXPECT_EQ(health(), "ready\n");
    {
        outage::BackEnd back_end("mysql:users.cf", [] { return std::chrono::milliseconds(0); });
        while (back_end.MayAsk()) outage::BackEnd::Question(back_end).Failed("it is down");
        EXPECT_EQ(health(), "degraded\nmysql:users.cf\n");
    }
    why_not_ready = "stopping";
    EXPECT_EQ(health(), "alive\nstopping\n");
}

}  // namespace
}  // namespace policyd::server
