#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace policyd::tables {

/// The elements of a Postfix list: separated by commas and blanks, except within braces, as in
/// `inline:{ {a = b c}, d=e }`.
std::vector<std::string> SplitTableList(std::string_view list);

/// The length of the balanced `{...}` that `text` begins with; 0 if there is none.
std::size_t BalancedBraces(std::string_view text);

/// `type:name`, as opposed to a plain word; `[` begins an IPv6 address instead.
bool IsTableSpec(std::string_view element);

}  // namespace policyd::tables
