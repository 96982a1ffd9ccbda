#pragma once

#include <string_view>

namespace policyd::tables {

/// The key at the beginning of a table's entry.
struct QuotedWord {
    std::string_view word;     ///< with its quotes and backslashes: they belong to the key
    bool quotes_match = true;  ///< false: a double quote is left open, and there is no key
};

/// All before the first blank, or the first of `ends`, that is not within double quotes and does
/// not follow a backslash: an address such as "a b"@example.com is one key.
QuotedWord TakeQuotedWord(std::string_view text, std::string_view ends = "");

}  // namespace policyd::tables
