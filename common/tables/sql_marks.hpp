#pragma once

#include <string>
#include <string_view>

namespace policyd::tables {

/// Who reads a text of SQL.
enum class Dialect {
    kSqlite,
    kMysql,
    kMysqlWithoutEscapes,  ///< sql_mode NO_BACKSLASH_ESCAPES
};

inline constexpr char kNoMark = ' ';
inline constexpr char kCommentMark = '*';

/// What each character of a text of SQL stands in, as its server reads it, the ends included: of a
/// string or a name the mark that begins it (' " ` and, in SQLite, [). What MySQL runs of comments
/// (`/*! … */`) is none.
///
///     SELECT `a` /* don't */ = '%s'
///            ``` ***********   ''''
std::string SqlMarks(std::string_view sql, Dialect dialect);

}  // namespace policyd::tables
