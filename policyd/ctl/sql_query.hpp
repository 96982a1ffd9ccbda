#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/tables/sql_marks.hpp"

namespace policyd::ctl {

/// A query with a blank in the place of its comments. What MySQL runs of them (`/*! … */`) stays.
std::string WithoutComments(std::string_view query, tables::Dialect dialect);

// What follows takes queries without comments.

/// True for a query such as `SELECT domain FROM transport WHERE domain='%s'`: its one column is
/// the one that must equal the key, or it is put together from those that must equal its parts.
bool SelectsItsOwnKey(std::string_view query);

struct SelectedColumn {
    std::string schema;  ///< empty: that of the connection
    std::string table;
    std::string name;
};

/// The column of a query such as `SELECT quota FROM mail.users WHERE …`; nothing for an expression,
/// several columns or several tables.
std::optional<SelectedColumn> ColumnSelectedBy(std::string_view query);

/// True for `SELECT quota, password FROM …` and `SELECT * FROM …`.
bool SelectsSeveralColumns(std::string_view query);

/// What a query selects whatever its key: `SELECT value rest` without the conditions that %s and
/// its like stand in.
struct ValuesOfAllKeys {
    std::string value;
    std::string rest;  ///< from FROM on
};

/// Nothing for several columns, for rows that are merged, for functions that may do more than
/// compute, and for what this reading of SQL does not follow.
std::optional<ValuesOfAllKeys> ForAllKeys(std::string_view query);

/// True where %s, %u or %d stands outside quotes.
bool HasUnquotedPlaceholder(std::string_view query);

}  // namespace policyd::ctl
