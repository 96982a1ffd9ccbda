#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/tables/table_reader.hpp"

namespace policyd::tables {

/// How parent domains are looked up: `parent_domain_matches_subdomains` has smtpd_access_maps, or
/// not.
enum class ParentStyle {
    kDomain,     ///< example.com
    kDotDomain,  ///< .example.com
};

/// The value of a client in one access(5) table, as check_client_access looks for it: the name,
/// then its parent domains down to the top-level one, then the address, then what is left of its
/// text after cutting at the last '.' or ':', again and again. The first that is there counts.
/// `name` is "unknown" where the client has none, and is looked up like any other. Tables of
/// patterns are asked for the whole name and the whole address. Throws outage::TableUnavailable.
/// The arguments outlive the returned task.
async::Task<std::optional<std::string>> FindClient(LookupTable& table, std::string_view name,
                                                   std::string_view address, ParentStyle parents,
                                                   TableReader& reader = DirectReader());

/// The same, of a table in memory.
std::optional<std::string> FindClientNow(const MemoryTable& table, std::string_view name,
                                         std::string_view address, ParentStyle parents);

}  // namespace policyd::tables
