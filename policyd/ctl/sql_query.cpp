#include "policyd/ctl/sql_query.hpp"

#include <algorithm>
#include <array>
#include <regex>
#include <string>
#include <vector>

#include "common/mysql/sql_tokens.hpp"
#include "common/text/ascii.hpp"

namespace policyd::ctl {

namespace {

using text::EqualsIgnoringCase;

/// Where the parts of a query begin that stand neither in quotes nor in parentheses.
struct Outline {
    std::size_t from = std::string_view::npos;
    std::size_t where = std::string_view::npos;
    std::vector<std::size_t> ands;  ///< between conditions
    std::size_t end = 0;            ///< of the conditions
};

std::optional<Outline> OutlineOf(std::string_view query) {
    // What makes of rows other rows, or of conditions other conditions, than this follows.
    static constexpr std::array<std::string_view, 8> kBeyond{"or",     "xor",   "between", "group",
                                                             "having", "union", "into",    "for"};
    static constexpr std::array<std::string_view, 3> kEnds{"order", "limit", ";"};
    const auto tokens = mysql::OuterTokens(query);
    if (!tokens) return std::nullopt;
    Outline outline;
    outline.end = query.size();
    for (const auto& [word, begin] : *tokens) {
        if (mysql::IsAnyOf(word, kBeyond)) return std::nullopt;
        if (word == "," && outline.from == query.npos) return std::nullopt;
        if (mysql::IsAnyOf(word, kEnds)) {
            outline.end = begin;
            break;
        }
        if (EqualsIgnoringCase(word, "from")) outline.from = begin;
        if (EqualsIgnoringCase(word, "where")) outline.where = begin;
        if (EqualsIgnoringCase(word, "and") && outline.where != query.npos)
            outline.ands.push_back(begin);
    }
    if (outline.from == query.npos) return std::nullopt;
    return outline;
}

/// Functions of the server that give one value for each row and change nothing: an aggregate would
/// merge the rows, and what a function of the site does nobody knows.
bool CallsHarmlessFunctionsOnly(const std::string& value) {
    static constexpr std::array<std::string_view, 25> kHarmless{
        "if",      "ifnull", "nullif",          "coalesce", "greatest",
        "least",   "cast",   "convert",         "ceiling",  "ceil",
        "floor",   "round",  "truncate",        "abs",      "concat",
        "decimal", "char",   "substring_index", "substr",   "substring",
        "instr",   "lower",  "replace",         "left",     "right"};
    static const std::regex kCall(R"((\w+)\s*\()");
    for (std::sregex_iterator call(value.begin(), value.end(), kCall), end; call != end; ++call)
        if (!mysql::IsAnyOf((*call)[1].str(), kHarmless)) return false;
    return true;
}

/// Whether a condition says no more than which row it is by its key, or which keys are looked up:
/// without it, the others still choose among the same rows.
bool IsAboutKeyAlone(std::string_view condition) {
    static const std::regex kPattern(
        R"([\w.`]+\s*=\s*('[^']*'|"[^"]*")|('[^']*'|"[^"]*")\s*(=\s*[\w.`]+|(not\s+)?like\s*('[^']*'|"[^"]*")))",
        std::regex::icase);
    return std::regex_match(condition.begin(), condition.end(), kPattern);
}

/// The text as it is sent; nothing where a part of the key stands in it.
std::optional<std::string> WithoutKey(std::string_view text) {
    std::string sent;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && (++i == text.size() || text[i] != '%')) return std::nullopt;
        sent += text[i];
    }
    return sent;
}

/// "SELECT CONCAT(local, '@', domain) … WHERE local='%u' AND domain='%d'", and the same with ||.
bool PutsItsKeyTogether(std::string_view query) {
    static const std::regex kPattern(
        R"(^\s*select\s+(?:concat\s*\(\s*([\w.`]+)\s*,\s*'@'\s*,\s*([\w.`]+)\s*\)|([\w.]+)\s*\|\|\s*'@'\s*\|\|\s*([\w.]+))(?:\s+as\s+\w+)?\s+from\s)",
        std::regex::icase);
    std::match_results<std::string_view::const_iterator> match;
    if (!std::regex_search(query.begin(), query.end(), match, kPattern)) return false;
    const auto is_compared = [query](const std::string& column, std::string_view part) {
        static const std::regex kCondition(R"(([\w.`]+)\s*=\s*'(%[ud])')", std::regex::icase);
        using Conditions = std::regex_iterator<std::string_view::const_iterator>;
        return std::any_of(Conditions(query.begin(), query.end(), kCondition), Conditions(),
                           [&](const auto& condition) {
                               return EqualsIgnoringCase(condition[1].str(), column) &&
                                      condition[2].str() == part;
                           });
    };
    const int first = match[1].matched ? 1 : 3;
    return is_compared(match[first].str(), "%u") && is_compared(match[first + 1].str(), "%d");
}

}  // namespace

std::string WithoutComments(std::string_view query, tables::Dialect dialect) {
    const std::string marks = tables::SqlMarks(query, dialect);
    std::string rest;
    for (std::size_t i = 0; i < query.size(); ++i) {
        if (marks[i] != tables::kCommentMark) {
            rest += query[i];
        } else if (i == 0 || marks[i - 1] != tables::kCommentMark) {
            rest += ' ';
        }
    }
    return rest;
}

std::optional<ValuesOfAllKeys> ForAllKeys(std::string_view query) {
    constexpr std::string_view kSelect = "select";
    constexpr std::string_view kWhere = "where";
    constexpr std::string_view kAnd = "and";
    query = text::Trim(query);
    if (!EqualsIgnoringCase(query.substr(0, kSelect.size()), kSelect)) return std::nullopt;
    const auto outline = OutlineOf(query);
    if (!outline) return std::nullopt;
    const auto value =
        WithoutKey(text::Trim(query.substr(kSelect.size(), outline->from - kSelect.size())));
    const std::size_t end_of_tables = std::min(outline->where, outline->end);
    auto rest = WithoutKey(query.substr(outline->from, end_of_tables - outline->from));
    if (!value || !rest || !CallsHarmlessFunctionsOnly(*value)) return std::nullopt;
    if (outline->where != query.npos) {
        std::size_t begin = outline->where + kWhere.size();
        std::string_view joint = " WHERE ";
        for (std::size_t i = 0; i <= outline->ands.size(); ++i) {
            const bool is_last = i == outline->ands.size();
            const std::size_t end = is_last ? outline->end : outline->ands[i];
            const std::string_view written = text::Trim(query.substr(begin, end - begin));
            if (const auto condition = WithoutKey(written)) {
                rest->append(joint).append(*condition);
                joint = " AND ";
            } else if (!IsAboutKeyAlone(written)) {
                return std::nullopt;
            }
            begin = end + kAnd.size();
        }
    }
    static const std::regex kAlias(R"(\s+as\s+[`"]?\w+[`"]?$)", std::regex::icase);
    return ValuesOfAllKeys{std::regex_replace(*value, kAlias, ""), *rest};
}

bool SelectsItsOwnKey(std::string_view query) {
    if (PutsItsKeyTogether(query)) return true;
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

bool SelectsSeveralColumns(std::string_view query) {
    static const std::regex kAll(R"(^\s*select\s+(?:[\w`]+\.)*\*)", std::regex::icase);
    if (std::regex_search(query.begin(), query.end(), kAll)) return true;
    const auto tokens = mysql::OuterTokens(query);
    if (!tokens || tokens->empty() || !EqualsIgnoringCase(tokens->front().text, "select"))
        return false;
    for (const mysql::SqlToken& token : *tokens) {
        if (token.text == ",") return true;
        if (EqualsIgnoringCase(token.text, "from")) return false;
    }
    return false;
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
