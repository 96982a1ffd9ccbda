#pragma once

#include <string>
#include <vector>

#include "common/config/options.hpp"
#include "common/config/settings.hpp"

namespace policyd::ctl {

/// Options whose values are tables.
bool IsTableList(const config::Option& option);
/// Options whose values are domains, or tables and files of domains.
bool IsDomainList(const config::Option& option);

/// A table of a list, with the query of its file where it is an SQL one.
struct TableDefinition {
    std::string name;   ///< "mysql:/path", without proxy:
    std::string place;  ///< "/path:line" of the query
    std::string query;  ///< without comments; empty for tables that have none
};

/// The tables of a parameter, in order. A file that cannot be read has no query: opening the table
/// reports that.
std::vector<TableDefinition> DefinitionsOf(const config::Strings& lists);

}  // namespace policyd::ctl
