#include "common/mysql/sql_tokens.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace policyd::mysql {
namespace {

std::string TokensOf(std::string_view statement) {
    const auto tokens = OuterTokens(statement);
    if (!tokens) return "nothing";
    std::string text;
    for (const SqlToken& token : *tokens) {
        EXPECT_EQ(statement.substr(token.begin, token.text.size()), token.text);
        text += (text.empty() ? "" : " | ") + std::string(token.text);
    }
    return text;
}

TEST(OuterTokensTest, AreWordsAndCharactersOutsideOfQuotesAndParentheses) {
    EXPECT_EQ(TokensOf("SELECT t.a, f(b, (SELECT 1)) FROM `from`\nWHERE c='it''s' AND d=$1;"),
              "SELECT | t.a | , | f | FROM | WHERE | c | = | AND | d | = | $1 | ;");
    EXPECT_EQ(TokensOf("`t`.from t.*"), ".from | t. | *");
    EXPECT_EQ(TokensOf(""), "");
    EXPECT_EQ(TokensOf("SELECT 'a"), "nothing");
}

TEST(IsAnyOfTest, MindsNoCase) {
    const std::string_view words[] = {"or", "xor"};
    EXPECT_TRUE(IsAnyOf("XOR", words));
    EXPECT_FALSE(IsAnyOf("order", words));
}

}  // namespace
}  // namespace policyd::mysql
