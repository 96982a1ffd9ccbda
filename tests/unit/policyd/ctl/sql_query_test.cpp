#include "policyd/ctl/sql_query.hpp"

#include <gtest/gtest.h>

namespace policyd::ctl {
namespace {

TEST(SelectsItsOwnKeyTest, SeesThroughQuotesCaseAndAliases) {
    EXPECT_TRUE(SelectsItsOwnKey("SELECT domain FROM transport WHERE domain='%s'"));
    EXPECT_TRUE(SelectsItsOwnKey("select `domain` as d from `transport` where Domain = '%s'"));
    EXPECT_FALSE(SelectsItsOwnKey("SELECT transport FROM transport WHERE domain='%s'"));
    EXPECT_FALSE(SelectsItsOwnKey("SELECT CONCAT(email) FROM users WHERE email='%s'"));
    EXPECT_FALSE(SelectsItsOwnKey(""));
}

TEST(HasUnquotedPlaceholderTest, LooksOutsideQuotesOnly) {
    EXPECT_FALSE(HasUnquotedPlaceholder("SELECT a FROM b WHERE c='%s' AND d=\"%u\""));
    EXPECT_FALSE(HasUnquotedPlaceholder("SELECT a%%2 FROM b WHERE c='%s'"));
    EXPECT_TRUE(HasUnquotedPlaceholder("SELECT a FROM b WHERE c=%s"));
    EXPECT_TRUE(HasUnquotedPlaceholder("SELECT a FROM b WHERE c='x' AND d=%D"));
}

}  // namespace
}  // namespace policyd::ctl
