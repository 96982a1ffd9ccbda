#include "common/tables/list_parts.hpp"

#include <algorithm>
#include <utility>

#include "common/config/config_error.hpp"
#include "common/tables/logical_lines.hpp"
#include "common/tables/table_list.hpp"
#include "common/text/fold_case.hpp"
#include "common/text/utf8.hpp"

namespace policyd::tables {

namespace {

/// Where something stands in a configuration.
struct Position {
    const std::string& name;  // of a parameter or of a file
    std::size_t line = 0;     // from 1; 0 in a parameter

    std::string ToText() const { return line == 0 ? name : name + ':' + std::to_string(line); }
};

class Collector {
public:
    explicit Collector(const WarningSink& warn) : warn_(warn) {}

    void Add(std::string_view elements, const Position& position) {
        for (const std::string& element : SplitTableList(elements)) {
            if (element[0] == '#') {
                warn_(position.ToText() + ": \"" + text::EscapedForLog(element) +
                      "\" and what follows is ignored: a comment must have a line of its own");
                return;
            }
            AddElement(element, position);
        }
    }

    ListParts Parts() && {
        EndWords();
        return std::move(parts_);
    }

private:
    void AddElement(std::string_view element, const Position& position) {
        bool included = true;
        while (!element.empty() && element[0] == '!') {
            included = !included;
            element.remove_prefix(1);
        }
        if (element.empty())
            throw config::ConfigError(position.name, position.line,
                                      "nothing follows an exclamation mark");
        if (element[0] == '/' || IsTableSpec(element)) {
            EndWords();
            parts_.push_back({included, std::string(element), nullptr});
        } else {
            if (!words_) words_ = std::make_shared<ListWords>();
            words_->Add(element, included);
        }
    }

    void EndWords() {
        if (words_) parts_.push_back({true, {}, std::exchange(words_, nullptr)});
    }

    const WarningSink& warn_;
    ListParts parts_;
    std::shared_ptr<ListWords> words_;  // the part that may go on
};

}  // namespace

void ListWords::Add(std::string_view word, bool included) {
    const std::size_t position = places_.size();
    // Nobody comes to the second of two that are the same.
    places_.try_emplace(text::FoldCase(word), Place{position, included});
}

std::optional<bool> ListWords::Find(std::string_view domain, DomainMatching matching) const {
    const Place* first = nullptr;
    const auto consider = [&](std::string_view word) {
        const auto found = places_.find(word);
        if (found == places_.end()) return;
        if (first == nullptr || found->second.position < first->position) first = &found->second;
    };
    consider(domain);
    if (matching != DomainMatching::kExact) {
        const std::size_t skipped = matching == DomainMatching::kSubdomains ? 1 : 0;
        for (std::size_t dot = domain.find('.'); dot < domain.size();
             dot = domain.find('.', dot + 1))
            consider(domain.substr(dot + skipped));
    }
    if (first == nullptr) return std::nullopt;
    return first->included;
}

ListParts ReadList(const std::string& parameter, std::string_view list, const WarningSink& warn) {
    Collector collector(warn);
    collector.Add(list, {parameter});
    return std::move(collector).Parts();
}

ListParts ReadListFile(const std::string& path, const WarningSink& warn) {
    const std::string content = ReadTableFile(path);
    Collector collector(warn);
    std::string_view rest(content);
    // Lines as they are: unlike in a table, a blank at the beginning continues nothing.
    for (std::size_t number = 1; !rest.empty(); ++number) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        if (line.starts_with('#')) continue;
        collector.Add(line.substr(0, line.find('\0')), {path, number});
    }
    return std::move(collector).Parts();
}

}  // namespace policyd::tables
