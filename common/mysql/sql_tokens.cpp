#include "common/mysql/sql_tokens.hpp"

#include <algorithm>

#include "common/text/ascii.hpp"

namespace policyd::mysql {

bool IsOfSqlWord(char c) {
    const char lower = text::ToLower(c);
    return (lower >= 'a' && lower <= 'z') || text::IsDigit(c) || c == '_' || c == '$' || c == '.' ||
           static_cast<unsigned char>(c) >= 0x80;
}

std::optional<std::vector<SqlToken>> OuterTokens(std::string_view statement) {
    std::vector<SqlToken> tokens;
    int depth = 0;
    for (std::size_t i = 0; i < statement.size(); ++i) {
        const char c = statement[i];
        const std::size_t begin = i;
        if (c == '\'' || c == '"' || c == '`') {
            i = statement.find(c, i + 1);
            if (i == statement.npos) return std::nullopt;
            continue;
        }
        if (c == '(' || c == ')') {
            depth += c == '(' ? 1 : -1;
            continue;
        }
        while (IsOfSqlWord(c) && i + 1 < statement.size() && IsOfSqlWord(statement[i + 1])) ++i;
        if (depth == 0 && !text::IsBlank(c))
            tokens.push_back({statement.substr(begin, i + 1 - begin), begin});
    }
    return tokens;
}

bool IsAnyOf(std::string_view word, std::span<const std::string_view> words) {
    return std::any_of(words.begin(), words.end(), [word](std::string_view other) {
        return text::EqualsIgnoringCase(word, other);
    });
}

}  // namespace policyd::mysql
