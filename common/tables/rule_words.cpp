#include "common/tables/rule_words.hpp"

#include "common/text/ascii.hpp"

namespace policyd::tables {

std::optional<std::string_view> After(std::string_view keyword, std::string_view line) {
    if (line.size() < keyword.size()) return std::nullopt;
    if (!text::EqualsIgnoringCase(line.substr(0, keyword.size()), keyword)) return std::nullopt;
    const std::string_view rest = line.substr(keyword.size());
    if (!rest.empty() && text::IsLetterOrDigit(rest[0])) return std::nullopt;
    return text::Trim(rest);
}

bool TakeNegation(std::string_view& text) {
    bool negated = false;
    while (!text.empty() && (text[0] == '!' || text::IsBlank(text[0]))) {
        if (text[0] == '!') negated = !negated;
        text.remove_prefix(1);
    }
    return negated;
}

}  // namespace policyd::tables
