#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/tables/table_reader.hpp"
#include "common/tables/warning_sink.hpp"

namespace policyd::tables {

/// A list of words, `/file/names` and tables that a domain is or is not in: Postfix's
/// string_list(3) and domain_list(3), for mydestination, virtual_mailbox_domains, relay_domains.
class DomainList {
public:
    enum class Matching {
        kExact,          ///< mydestination, virtual_alias_domains, virtual_mailbox_domains
        kDotSubdomains,  ///< `.example.com` stands for all below example.com
        kSubdomains,     ///< `example.com` includes all below it (parent_domain_matches_subdomains)
    };

    using OpenTable = std::function<LookupTable&(std::string_view spec)>;

    DomainList() = default;
    /// Each element of `lists` is a list as main.cf has it; the contents of a file that it names
    /// are read here. Throws config::ConfigError for a file that cannot be read and for a lonely
    /// '!'. `parameter` is for messages.
    DomainList(std::string parameter, const std::vector<std::string>& lists, Matching matching,
               const OpenTable& open_table, const WarningSink& warn);

    /// Whether `domain` is in the list: the first element that matches decides, and `!` before an
    /// element means that it is not. The value that a table has for it does not matter. Throws
    /// outage::TableUnavailable as soon as a table could not answer. `domain` and `reader`
    /// must outlive the returned task.
    async::Task<bool> Contains(std::string_view domain, TableReader& reader = DirectReader()) const;

    const std::string& Parameter() const noexcept { return parameter_; }
    bool IsEmpty() const noexcept { return patterns_.empty(); }

private:
    struct Pattern {
        bool included = true;  ///< false after '!'
        std::string word;      ///< case-folded; unused with a table
        LookupTable* table = nullptr;
    };

    std::string parameter_;
    Matching matching_ = Matching::kExact;
    std::vector<Pattern> patterns_;

    class Reader;
};

}  // namespace policyd::tables
