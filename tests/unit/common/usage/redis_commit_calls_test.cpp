#include "common/usage/redis_commit_calls.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace policyd::usage {
namespace {

std::vector<Measurement> Mailboxes(std::size_t count, const std::string& domain) {
    std::vector<Measurement> measurements;
    for (std::size_t i = 0; i < count; ++i)
        measurements.push_back({"u" + std::to_string(i) + "@" + domain, i, 1, {}});
    return measurements;
}

TEST(RedisCommitCallsTest, MakesNoCallOfNothing) {
    EXPECT_TRUE(MakeCommitCalls({}, "header").calls.empty());
}

TEST(RedisCommitCallsTest, PutsSeveralDomainsIntoOneCall) {
    std::vector<Measurement> measurements = Mailboxes(2, "one.example");
    const std::vector<Measurement> others = Mailboxes(1, "two.example");
    measurements.insert(measurements.begin() + 1, others.begin(), others.end());
    const RedisCommitCalls commit = MakeCommitCalls(measurements, "header");
    ASSERT_EQ(commit.calls.size(), 1u);
    EXPECT_EQ(commit.calls[0].keys.Count(), 2u + 3u);       // each domain's and each mailbox's
    EXPECT_EQ(commit.calls[0].arguments.Count(), 1u + 2u);  // the header and each domain's
    EXPECT_EQ(commit.parts, (std::vector<std::vector<std::size_t>>{{0, 2}, {1}}));
}

TEST(RedisCommitCallsTest, HoldsUpOthersForNoMoreThanACallOfThirtyTwo) {
    const RedisCommitCalls commit = MakeCommitCalls(Mailboxes(70, "one.example"), "header");
    ASSERT_EQ(commit.calls.size(), 3u);
    ASSERT_EQ(commit.parts.size(), 3u);
    std::vector<std::size_t> seen;
    for (const auto& part : commit.parts) {
        EXPECT_LE(part.size(), 32u);
        seen.insert(seen.end(), part.begin(), part.end());
    }
    std::sort(seen.begin(), seen.end());
    ASSERT_EQ(seen.size(), 70u);
    EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
}

}  // namespace
}  // namespace policyd::usage
