#include "common/tables/prepared_query.hpp"

#include "common/text/ascii.hpp"

namespace policyd::tables {

namespace {

constexpr char kPlaceholder = '\x01';

/// The template with a placeholder for each expansion, whose letters are collected.
std::string Flatten(const Template& query, std::vector<char>& expansions) {
    std::string flat;
    for (const Template::Piece& piece : query.Pieces()) {
        if (piece.expansion == 0) {
            flat += piece.literal;
        } else {
            flat += kPlaceholder;
            expansions.push_back(piece.expansion);
        }
    }
    return flat;
}

bool BeginsWithSelect(std::string_view sql) {
    constexpr std::string_view kSelect = "select";
    return sql.size() > kSelect.size() && text::IsBlank(sql[kSelect.size()]) &&
           text::EqualsIgnoringCase(sql.substr(0, kSelect.size()), kSelect);
}

/// Whether a literal at the end of `before` is a value: not, for instance, a date's text, a name
/// for a column or half of a longer literal.
bool TakesValue(std::string_view before) {
    before = text::Trim(before);
    if (before.empty()) return false;
    if (std::string_view("=(,<>").find(before.back()) != std::string_view::npos) return true;
    for (const std::string_view word : {"like", "where", "and", "or", "not"}) {
        if (before.size() <= word.size()) continue;
        const std::size_t start = before.size() - word.size();
        if (text::IsBlank(before[start - 1]) &&
            text::EqualsIgnoringCase(before.substr(start), word))
            return true;
    }
    return false;
}

/// Where double quotes are for names (ANSI_QUOTES), and in SQLite for those of columns before all
/// else, no key is meant to be one.
bool IsWholeLiteral(std::string_view text) {
    return text.size() == 3 && text[1] == kPlaceholder && text[0] == text[2] &&
           (text[0] == '\'' || text[0] == '"');
}

bool BeginsWithQuote(std::string_view after) {
    after = text::Trim(after);
    return !after.empty() && (after[0] == '\'' || after[0] == '"');
}

/// Text that this reading of SQL does not follow, outside of quotes.
bool IsBeyondReading(char c, char next) {
    return std::string_view("?$@:#;{").find(c) != std::string_view::npos ||
           (c == '-' && next == '-') || (c == '/' && next == '*');
}

}  // namespace

std::optional<PreparedQuery> Prepare(const Template& query) {
    PreparedQuery prepared;
    for (const Template::Piece& piece : query.Pieces()) {
        if (piece.literal.find_first_of(std::string_view("\\\x01", 2)) != std::string::npos)
            return std::nullopt;
    }
    const std::string flat = Flatten(query, prepared.parameters);
    const std::string_view rest(flat);
    if (!BeginsWithSelect(text::Trim(rest))) return std::nullopt;

    for (std::size_t i = 0; i < flat.size(); ++i) {
        const char next = i + 1 < flat.size() ? flat[i + 1] : '\0';
        if (flat[i] == ';' && text::Trim(rest.substr(i + 1)).empty()) break;
        if (flat[i] == kPlaceholder || IsBeyondReading(flat[i], next)) return std::nullopt;
        if (IsWholeLiteral(rest.substr(i, 3))) {
            if (!TakesValue(rest.substr(0, i)) || BeginsWithQuote(rest.substr(i + 3)))
                return std::nullopt;
            prepared.sql += '?';
            i += 2;
        } else if (flat[i] == '\'' || flat[i] == '"' || flat[i] == '`') {
            const std::size_t end = flat.find(flat[i], i + 1);
            const std::string_view quoted =
                rest.substr(i, end == std::string::npos ? end : end + 1 - i);
            if (end == std::string::npos || quoted.find(kPlaceholder) != std::string_view::npos)
                return std::nullopt;
            prepared.sql += quoted;
            i = end;
        } else {
            prepared.sql += flat[i];
        }
    }
    return prepared;
}

}  // namespace policyd::tables
