#include "policyd/server/server.hpp"

#include <gtest/gtest.h>

#include "common/config/config_error.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::server {
namespace {

class ServerTest : public testing::Test {
protected:
    ServerTest() {
        settings_.listen = {"unix:" + (scratch_ / "policy.sock").string()};
        settings_.usage_store = "sqlite:" + (scratch_ / "usage.sqlite").string();
    }

    test::ScratchDirectory scratch_;
    config::Settings settings_;
};

TEST_F(ServerTest, ReadsItsTablesBeforeAnybodyCanConnect) {
    const Server other(settings_);  // holds the socket: to listen there fails
    settings_.client_access_maps = {"inline:{ 192.0.2.1 = OK, broken }"};
    EXPECT_THROW(Server{settings_}, config::ConfigError);
    settings_.client_access_maps = {};
    EXPECT_THROW(Server{settings_}, std::runtime_error) << "not a free socket";
}

}  // namespace
}  // namespace policyd::server
