#pragma once

#include <optional>

#include "common/tables/query_template.hpp"

namespace policyd::tables {

/// The query with `?` for each `'%s'` and `"%s"`, where that surely means the same: each expansion
/// is a string literal of its own that is compared, or an argument, and nothing in the query is
/// beyond this small reading of SQL (comments, backslashes, parameters of its own). Nothing for the
/// others, which are sent as text.
std::optional<PreparedQuery> Prepare(const Template& query);

}  // namespace policyd::tables
