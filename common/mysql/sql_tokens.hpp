#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace policyd::mysql {

/// A word of a statement, with the names that qualify it (`t.name`), or another single character.
struct SqlToken {
    std::string_view text;
    std::size_t begin;  ///< in the statement
};

/// Whether a character may stand in such a word.
bool IsOfSqlWord(char c);

/// The tokens that stand neither in quotes nor in parentheses, blanks left out. Nothing where a
/// quote does not end.
std::optional<std::vector<SqlToken>> OuterTokens(std::string_view statement);

/// Whether a word is one of these, in any case.
bool IsAnyOf(std::string_view word, std::span<const std::string_view> words);

}  // namespace policyd::mysql
