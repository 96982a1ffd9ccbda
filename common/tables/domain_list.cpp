#include "common/tables/domain_list.hpp"

#include <algorithm>

#include "common/config/config_error.hpp"
#include "common/text/fold_case.hpp"

namespace policyd::tables {

namespace {

/// Tries the domain and, where the matching says so, its parents.
async::Task<bool> IsInTable(std::string_view domain, LookupTable& table,
                            DomainList::Matching matching, TableReader& reader) {
    for (std::string_view name = domain; !name.empty();) {
        if (name.size() == domain.size() || table.TakesPartialKeys()) {
            const auto value = co_await reader.Find(table, name);
            if (value) co_return true;
        }
        if (matching == DomainList::Matching::kExact) co_return false;
        const std::size_t dot = name.find('.', 1);
        if (dot == std::string_view::npos) co_return false;
        name.remove_prefix(matching == DomainList::Matching::kSubdomains ? dot + 1 : dot);
    }
    co_return false;
}

}  // namespace

/// Turns the parts of lists and of the files in them into patterns.
class DomainList::Reader {
public:
    Reader(DomainList& list, const OpenTable& open_table, const OpenFile& open_file)
        : list_(list), open_table_(open_table), open_file_(open_file) {}

    void Add(const ListParts& parts, bool included) {
        for (const ListPart& part : parts) {
            const bool part_included = part.included == included;
            if (part.words) {
                list_.patterns_.push_back({part_included, nullptr, part.words});
            } else if (part.name[0] == '/') {
                AddFile(part.name, part_included);
            } else {
                list_.patterns_.push_back({part_included, &open_table_(part.name), nullptr});
            }
        }
    }

private:
    void AddFile(const std::string& path, bool included) {
        if (std::find(within_.begin(), within_.end(), path) != within_.end())
            throw config::ConfigError(path, 0, "is named by itself");
        within_.push_back(path);
        Add(*open_file_(path), included);
        within_.pop_back();
    }

    DomainList& list_;
    const OpenTable& open_table_;
    const OpenFile& open_file_;
    std::vector<std::string> within_;  // the files that are being added
};

DomainList::DomainList(std::string parameter, const std::vector<std::string>& lists,
                       Matching matching, const OpenTable& open_table, const OpenFile& open_file,
                       const WarningSink& warn)
    : parameter_(std::move(parameter)), matching_(matching) {
    Reader reader(*this, open_table, open_file);
    for (const std::string& list : lists) reader.Add(ReadList(parameter_, list, warn), true);
}

/// As far as the first table nobody has to wait.
async::Task<bool> DomainList::Contains(std::string_view domain, TableReader& reader) const {
    std::string folded = text::FoldCase(domain);
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
        if (patterns_[i].table != nullptr) return ContainsFrom(i, std::move(folded), reader);
        if (const auto included = patterns_[i].words->Find(folded, matching_))
            return async::Task<bool>::Of(*included == patterns_[i].included);
    }
    return async::Task<bool>::Of(false);
}

async::Task<bool> DomainList::ContainsFrom(std::size_t first, std::string folded,
                                           TableReader& reader) const {
    for (std::size_t i = first; i < patterns_.size(); ++i) {
        const Pattern& pattern = patterns_[i];
        if (pattern.table != nullptr) {
            const bool matches = co_await IsInTable(folded, *pattern.table, matching_, reader);
            if (matches) co_return pattern.included;
        } else if (const auto included = pattern.words->Find(folded, matching_)) {
            co_return *included == pattern.included;
        }
    }
    co_return false;
}

}  // namespace policyd::tables
