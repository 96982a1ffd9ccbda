#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/tables/warning_sink.hpp"
#include "common/text/string_hash.hpp"

namespace policyd::tables {

/// How the words of a list, and the keys of its tables, stand for domains.
enum class DomainMatching {
    kExact,          ///< mydestination, virtual_alias_domains, virtual_mailbox_domains
    kDotSubdomains,  ///< `.example.com` stands for all below example.com
    kSubdomains,     ///< `example.com` includes all below it (parent_domain_matches_subdomains)
};

/// Words that stand in a list one after the other, of which the first that matches decides. They
/// are found without going through them.
class ListWords {
public:
    /// Behind the ones before; `included` is false after '!'.
    void Add(std::string_view word, bool included);

    /// What the first word says that matches `domain`, which is case-folded; nothing where none
    /// does.
    std::optional<bool> Find(std::string_view domain, DomainMatching matching) const;

private:
    struct Place {
        std::size_t position;
        bool included;
    };

    // By the folded word.
    std::unordered_map<std::string, Place, text::StringHash, std::equal_to<>> places_;
};

/// A part of a list: words, or the name of a table or of a file with more of the list in it.
struct ListPart {
    bool included = true;  ///< false: after '!', which turns around what a file says
    std::string name;      ///< `type:name` or `/file/name`; empty where there are words
    std::shared_ptr<const ListWords> words;
};
using ListParts = std::vector<ListPart>;

/// Takes a list apart that a parameter of main.cf has as its value: string_list(3). Throws
/// config::ConfigError for a lonely '!'.
ListParts ReadList(const std::string& parameter, std::string_view list, const WarningSink& warn);

/// The same of a file. Throws config::ConfigError also where it cannot be read.
ListParts ReadListFile(const std::string& path, const WarningSink& warn);

}  // namespace policyd::tables
