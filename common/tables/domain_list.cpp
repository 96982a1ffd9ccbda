#include "common/tables/domain_list.hpp"

#include "common/config/config_error.hpp"
#include "common/tables/logical_lines.hpp"
#include "common/tables/table_list.hpp"
#include "common/text/ascii.hpp"
#include "common/text/unicode.hpp"

namespace policyd::tables {

namespace {

bool EndsWith(std::string_view text, std::string_view end) {
    return text.size() > end.size() && text.substr(text.size() - end.size()) == end;
}

bool MatchesWord(std::string_view domain, std::string_view word, DomainList::Matching matching) {
    if (domain == word) return true;
    switch (matching) {
        case DomainList::Matching::kExact:
            return false;
        case DomainList::Matching::kDotSubdomains:
            return !word.empty() && word[0] == '.' && EndsWith(domain, word);
        case DomainList::Matching::kSubdomains:
            return EndsWith(domain, "." + std::string(word));
    }
    return false;
}

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

/// Turns the elements of lists and files into patterns.
class DomainList::Reader {
public:
    Reader(DomainList& list, const OpenTable& open_table, const WarningSink& warn)
        : list_(list), open_table_(open_table), warn_(warn) {}

    void Add(std::string_view elements, bool included) {
        for (const std::string& element : SplitTableList(elements)) {
            if (element[0] == '#') {
                warn_(list_.parameter_ + ": \"" + text::EscapedForLog(element) +
                      "\" and what follows is ignored: a comment must have a line of its own");
                return;
            }
            AddElement(element, included);
        }
    }

private:
    void AddElement(std::string_view element, bool included) {
        while (!element.empty() && element[0] == '!') {
            included = !included;
            element.remove_prefix(1);
        }
        if (element.empty())
            throw config::ConfigError(list_.parameter_, 0, "nothing follows an exclamation mark");
        if (element[0] == '/') {
            AddFile(std::string(element), included);
        } else if (IsTableSpec(element)) {
            list_.patterns_.push_back({included, {}, &open_table_(element)});
        } else {
            list_.patterns_.push_back({included, text::FoldCase(element), nullptr});
        }
    }

    void AddFile(const std::string& path, bool included) {
        const std::string content = ReadTableFile(path);
        // Lines as they are: unlike in a table, a blank at the beginning continues nothing.
        for (const std::string_view line : text::SplitAtAny(content, "\n"))
            if (line[0] != '#') Add(line.substr(0, line.find('\0')), included);
    }

    DomainList& list_;
    const OpenTable& open_table_;
    const WarningSink& warn_;
};

DomainList::DomainList(std::string parameter, const std::vector<std::string>& lists,
                       Matching matching, const OpenTable& open_table, const WarningSink& warn)
    : parameter_(std::move(parameter)), matching_(matching) {
    Reader reader(*this, open_table, warn);
    for (const std::string& list : lists) reader.Add(list, true);
}

async::Task<bool> DomainList::Contains(std::string_view domain, TableReader& reader) const {
    const std::string folded = text::FoldCase(domain);
    for (const Pattern& pattern : patterns_) {
        bool matches = false;
        if (pattern.table != nullptr) {
            matches = co_await IsInTable(folded, *pattern.table, matching_, reader);
        } else {
            matches = MatchesWord(folded, pattern.word, matching_);
        }
        if (matches) co_return pattern.included;
    }
    co_return false;
}

}  // namespace policyd::tables
