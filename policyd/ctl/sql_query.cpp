#include "policyd/ctl/sql_query.hpp"

#include <regex>
#include <string>

#include "common/text/ascii.hpp"

namespace policyd::ctl {

bool SelectsItsOwnKey(std::string_view query) {
    static const std::regex kPattern(
        R"(^\s*select\s+[`"]?([\w.]+)[`"]?(?:\s+as\s+\w+)?\s+from\s+\S+\s+where\s+[`"]?([\w.]+)[`"]?\s*=\s*'%s')",
        std::regex::icase);
    std::match_results<std::string_view::const_iterator> match;
    return std::regex_search(query.begin(), query.end(), match, kPattern) &&
           text::EqualsIgnoringCase(match[1].str(), match[2].str());
}

std::optional<SelectedColumn> ColumnSelectedBy(std::string_view query) {
    static const std::regex kPattern(
        R"(^\s*select\s+(?:\w+\.)?[`"]?(\w+)[`"]?(?:\s+as\s+\w+)?\s+from\s+(?:[`"]?(\w+)[`"]?\.)?[`"]?(\w+)[`"]?(?:\s+where\s.*)?;?\s*$)",
        std::regex::icase);
    std::match_results<std::string_view::const_iterator> match;
    if (!std::regex_match(query.begin(), query.end(), match, kPattern)) return std::nullopt;
    return SelectedColumn{match[2].str(), match[3].str(), match[1].str()};
}

bool HasUnquotedPlaceholder(std::string_view query) {
    char quote = '\0';
    for (std::size_t i = 0; i < query.size(); ++i) {
        const char c = query[i];
        if (quote != '\0') {
            if (c == quote) quote = '\0';
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '%' && i + 1 < query.size()) {
            const char letter = text::ToLower(query[++i]);
            if (letter == 's' || letter == 'u' || letter == 'd') return true;
        }
    }
    return false;
}

}  // namespace policyd::ctl
