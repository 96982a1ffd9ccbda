#include "common/tables/sql_marks.hpp"

#include <algorithm>

namespace policyd::tables {

namespace {

/// Behind the next `end`, which is not looked for before `from`.
std::size_t Behind(std::string_view sql, std::string_view end, std::size_t from) {
    const std::size_t found = sql.find(end, from);
    return found == sql.npos ? sql.size() : found + end.size();
}

/// To MySQL "5--3" is 8.
bool BeginsWithDashes(std::string_view sql, bool is_mysql) {
    if (!sql.starts_with("--")) return false;
    return !is_mysql || sql.size() == 2 || (sql[2] >= 0 && sql[2] <= ' ') || sql[2] == '\x7f';
}

/// How long the comment is that the text begins with; 0 where it begins with none.
std::size_t LengthOfComment(std::string_view sql, bool is_mysql) {
    const bool is_run = is_mysql && (sql.starts_with("/*!") || sql.starts_with("/*M!"));
    if (sql.starts_with("/*") && !is_run) return Behind(sql, "*/", 2);
    if (BeginsWithDashes(sql, is_mysql) || (is_mysql && sql.starts_with('#')))
        return std::min(sql.find('\n'), sql.size());
    return 0;
}

/// How long the string or the name is that the text begins with. A doubled mark within ends one and
/// begins the next.
std::size_t LengthOfQuoted(std::string_view sql, bool has_escapes) {
    const char mark = sql[0] == '[' ? ']' : sql[0];
    for (std::size_t i = 1; i < sql.size(); ++i) {
        if (sql[i] == mark) return i + 1;
        if (sql[i] == '\\' && has_escapes) ++i;
    }
    return sql.size();
}

}  // namespace

std::string SqlMarks(std::string_view sql, Dialect dialect) {
    const bool is_mysql = dialect != Dialect::kSqlite;
    const std::string_view quotes = is_mysql ? "'\"`" : "'\"`[";
    std::string marks;
    while (marks.size() < sql.size()) {
        const std::string_view rest = sql.substr(marks.size());
        const char first = rest[0];
        if (const std::size_t length = LengthOfComment(rest, is_mysql); length > 0) {
            marks.append(length, kCommentMark);
        } else if (quotes.find(first) != quotes.npos) {
            const bool has_escapes = dialect == Dialect::kMysql && first != '`';
            marks.append(LengthOfQuoted(rest, has_escapes), first);
        } else {
            marks += kNoMark;
        }
    }
    return marks;
}

}  // namespace policyd::tables
