#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/tables/domain_list.hpp"
#include "common/tables/query_template.hpp"
#include "common/tables/table_file.hpp"

namespace policyd::tables {

/// What mysql: and sqlite: tables have in common: which keys are looked up, by which query, and how
/// the values that come back become one result. Read by any thread once it is made.
class SqlLookup {
public:
    /// The columns of all rows, one after the other; nothing for NULL.
    using Values = std::vector<std::optional<std::string>>;

    /// Opens the list of domains that a parameter of this name has as its value.
    using OpenDomains =
        std::function<DomainList(const std::string& parameter, const std::string& list)>;

    /// `name` is the table's, for messages. Throws config::ConfigError.
    SqlLookup(std::string name, const TableFile& file, const OpenDomains& open_domains);

    const std::string& Name() const noexcept { return name_; }
    const QueryTemplate& Query() const noexcept { return query_; }

    /// The key to search for, case-folded; nothing if the table is not to be asked, and the key is
    /// not found. Throws outage::TableUnavailable where a table in `domain` could not answer. `key`
    /// must outlive the returned task.
    async::Task<std::optional<std::string>> SearchKey(std::string_view key) const;

    /// The result for a key that was searched for; nothing where no value is left. Throws
    /// outage::TableUnavailable above expansion_limit, and for what is not UTF-8.
    std::optional<std::string> Combine(const Values& values, std::string_view key) const;

private:
    async::Task<std::optional<std::string>> KeyInDomains(std::string folded) const;

    std::string name_;
    QueryTemplate query_;
    std::int64_t expansion_limit_;
    std::optional<DomainList> domains_;
};

}  // namespace policyd::tables
