#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace policyd::ctl {

/// True for a query such as `SELECT domain FROM transport WHERE domain='%s'`: its one column is
/// the one that must equal the key.
bool SelectsItsOwnKey(std::string_view query);

struct SelectedColumn {
    std::string schema;  ///< empty: that of the connection
    std::string table;
    std::string name;
};

/// The column of a query such as `SELECT quota FROM mail.users WHERE …`; nothing for an expression,
/// several columns or several tables.
std::optional<SelectedColumn> ColumnSelectedBy(std::string_view query);

/// True where %s, %u or %d stands outside quotes.
bool HasUnquotedPlaceholder(std::string_view query);

}  // namespace policyd::ctl
