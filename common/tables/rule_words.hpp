#pragma once

#include <optional>
#include <string_view>

namespace policyd::tables {

// What the lines of cidr_table(5), regexp_table(5) and pcre_table(5) have in common.

/// The rest of `line` behind a keyword (if, endif, in any case) that no letter or digit follows,
/// without the blanks around it; nothing if it is not there.
std::optional<std::string_view> After(std::string_view keyword, std::string_view line);

/// Takes the exclamation marks before a pattern off `text`, and the blanks between them; true if
/// they negate.
bool TakeNegation(std::string_view& text);

}  // namespace policyd::tables
