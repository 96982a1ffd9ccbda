#include "policyd/server/daemon.hpp"

#include <gtest/gtest.h>

namespace policyd::server {
namespace {

TEST(WithRestartOptionsOfTest, OnlyOptionsThatAReloadChangesAreTaken) {
    config::Settings running;
    config::Settings wanted;
    wanted.workers = running.workers + 7;
    wanted.listen = {"inet:127.0.0.1:1"};
    wanted.mailbox_full_action = "452 4.2.2 Later";

    const config::Settings settings = WithRestartOptionsOf(running, wanted);
    EXPECT_EQ(settings.workers, running.workers);
    EXPECT_EQ(settings.listen, running.listen);
    EXPECT_EQ(settings.mailbox_full_action, "452 4.2.2 Later");
}

}  // namespace
}  // namespace policyd::server
