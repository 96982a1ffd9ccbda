#include "common/usage/redis_rights.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

#include "common/usage/redis_scripts.hpp"

namespace policyd::usage {
namespace {

std::set<std::string> Found(const std::string& text, const std::string& expression) {
    std::set<std::string> commands;
    const std::regex call(expression);
    for (std::sregex_iterator match(text.begin(), text.end(), call), end; match != end; ++match)
        commands.insert(match->str(1));
    return commands;
}

TEST(RedisRightsTest, AreTriedOfEveryCommandThatAScriptCalls) {
    std::set<std::string> called;
    for (const std::string& script : RedisScripts()) called.merge(Found(script, "call\\('(\\w+)'"));
    EXPECT_GE(called.size(), 15u);
    const std::set<std::string> tried = Found(kRightsScript, "\\{'([A-Z]+)'");
    EXPECT_THAT(tried, testing::IsSupersetOf(called));
}

}  // namespace
}  // namespace policyd::usage
