#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/tables/list_parts.hpp"
#include "common/tables/table_reader.hpp"
#include "common/tables/warning_sink.hpp"

namespace policyd::tables {

/// A list of words, `/file/names` and tables that a domain is or is not in: Postfix's
/// string_list(3) and domain_list(3), for mydestination, virtual_mailbox_domains, relay_domains.
/// One loop thread's, as its tables are.
class DomainList {
public:
    using Matching = DomainMatching;

    using OpenTable = std::function<LookupTable&(std::string_view spec)>;
    using OpenFile = std::function<std::shared_ptr<const ListParts>(const std::string& path)>;

    DomainList() = default;
    /// Each element of `lists` is a list as main.cf has it. Throws config::ConfigError as
    /// ReadList() and `open_file` do, and for a file that is within itself. `parameter` is for
    /// messages.
    DomainList(std::string parameter, const std::vector<std::string>& lists, Matching matching,
               const OpenTable& open_table, const OpenFile& open_file, const WarningSink& warn);

    /// Whether `domain` is in the list: the first element that matches decides, and `!` before an
    /// element means that it is not. The value that a table has for it does not matter. Throws
    /// outage::TableUnavailable as soon as a table could not answer. `domain` and `reader`
    /// must outlive the returned task.
    async::Task<bool> Contains(std::string_view domain, TableReader& reader = DirectReader()) const;

private:
    struct Pattern {
        bool included = true;  ///< false: what matches is not in the list, and the other way round
        LookupTable* table = nullptr;  ///< or
        std::shared_ptr<const ListWords> words;
    };

    async::Task<bool> ContainsFrom(std::size_t first, std::string folded,
                                   TableReader& reader) const;

    std::string parameter_;
    Matching matching_ = Matching::kExact;
    std::vector<Pattern> patterns_;

    class Reader;
};

}  // namespace policyd::tables
