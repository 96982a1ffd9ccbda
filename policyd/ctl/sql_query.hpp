#pragma once

#include <string_view>

namespace policyd::ctl {

/// True for a query such as `SELECT domain FROM transport WHERE domain='%s'`: its one column is
/// the one that must equal the key.
bool SelectsItsOwnKey(std::string_view query);

/// True where %s, %u or %d stands outside quotes.
bool HasUnquotedPlaceholder(std::string_view query);

}  // namespace policyd::ctl
