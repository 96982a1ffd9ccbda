#include "common/usage/redis_keys.hpp"

#include <gtest/gtest.h>

#include "common/usage/usage_store.hpp"

namespace policyd::usage {
namespace {

TEST(RedisKeysTest, PutADomainIntoOneHashSlot) {
    EXPECT_EQ(RedisDomainKey("example.com"), "policyd:{example.com}:d");
    EXPECT_EQ(RedisMailboxKey("ann@example.com"), "policyd:{example.com}:m:ann");
    EXPECT_EQ(RedisMailboxKey("@example.com"), "policyd:{example.com}:m:");
}

TEST(RedisKeysTest, WriteNamesWithoutADomainAsAWhole) {
    EXPECT_EQ(RedisDomainKey(""), "policyd:{%}:d");
    EXPECT_EQ(RedisMailboxKey("ann"), "policyd:{%}:m:ann");
    EXPECT_EQ(RedisMailboxKey("ann@"), "policyd:{%}:m:ann@");
}

TEST(RedisKeysTest, CannotBeForgedByNames) {
    EXPECT_EQ(RedisMailboxKey("a}:m:{b@c}d"), "policyd:{c%7dd}:m:a%7d:m:%7bb");
    EXPECT_EQ(RedisMailboxKey("x@%"), "policyd:{%25}:m:x");
}

TEST(RedisKeysTest, GiveTheirMailboxesBack) {
    for (const char* const name :
         {"ann@example.com", "@example.com", "ann", "ann@", "", "a}:m:{b@c}d", "%@%", "a@b@c"})
        EXPECT_EQ(MailboxOfRedisKey(RedisMailboxKey(name)), name);
}

TEST(RedisKeysTest, LeadToTheirDomains) {
    for (const char* const name : {"ann@example.com", "@example.com", "ann", "", "a}:m:{b@c}d"}) {
        const std::string domain(DomainOf(name));
        EXPECT_EQ(DomainKeyOfMailboxKey(RedisMailboxKey(name)), RedisDomainKey(domain));
        EXPECT_EQ(DomainOfRedisKey(RedisDomainKey(domain)), domain);
        EXPECT_EQ(DomainOfRedisKey(RedisMailboxKey(name)), std::nullopt);
        EXPECT_EQ(DomainKeyOfMailboxKey(RedisDomainKey(domain)), std::nullopt);
    }
    EXPECT_EQ(DomainOfRedisKey("policyd:{example.com}:m:d}:d"), std::nullopt);
    EXPECT_EQ(DomainOfRedisKey("policyd:changed"), std::nullopt);
}

TEST(RedisKeysTest, AreToldFromOtherKeys) {
    EXPECT_EQ(MailboxOfRedisKey("policyd:{example.com}:d"), std::nullopt);
    EXPECT_EQ(MailboxOfRedisKey("other:{example.com}:m:ann"), std::nullopt);
    EXPECT_EQ(DomainKeyOfReservedList("policyd:{example.com}:r"), "policyd:{example.com}:d");
    EXPECT_EQ(DomainKeyOfReservedList("policyd:{example.com}:m:r"), std::nullopt);
}

}  // namespace
}  // namespace policyd::usage
