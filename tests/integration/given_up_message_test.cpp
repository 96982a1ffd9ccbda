// A client that gives up a message and begins another over the same session, with a store that the
// servers share and with one in a file.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/integration/small_site.hpp"
#include "tests/support/redis_server.hpp"

namespace policyd::test {
namespace {

class GivenUpMessageTest : public testing::TestWithParam<const char*> {
protected:
    SmallSite::Options Options() {
        SmallSite::Options options{
            {"checks", "[\"mailbox_quota\"]"},
            {"virtual_mailbox_maps",
             "[\"inline:{ann@example.com=a/,bob@example.com=b/,eve@example.com=e/}\"]"},
            {"virtual_mailbox_limit_maps",
             "[\"inline:{ann@example.com=10000,bob@example.com=10000,eve@example.com=10000}\"]"}};
        if (std::string(GetParam()) == "redis")
            options["usage_store"] = SmallSite::Quoted("redis:" + redis_.UnixEndpoint().ToText());
        return options;
    }

    RedisServer redis_;
};

TEST_P(GivenUpMessageTest, LeavesAllItsRoomToTheNextOne) {
    const SmallSite site(Options());
    PolicydProcess policyd(site.Config(), site.Socket());
    PolicyClient client(site.Socket());
    std::vector<std::string> recipients{"eve@example.com", "bob@example.com", "ann@example.com"};
    for (int i = 0; i < 10; ++i) {
        // First the one whose room might be given back last.
        std::reverse(recipients.begin(), recipients.end());
        for (const std::string& recipient : recipients)
            ASSERT_EQ(client.Ask(RequestText({{"instance", "a." + std::to_string(i)},
                                              {"recipient", recipient},
                                              {"size", "8000"}})),
                      "DUNNO")
                << recipient << ", message " << i;
    }
}

INSTANTIATE_TEST_SUITE_P(Stores, GivenUpMessageTest, testing::Values("redis", "sqlite"));

}  // namespace
}  // namespace policyd::test
