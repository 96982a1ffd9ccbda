#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/tables/sql_marks.hpp"

namespace policyd::tables {

/// A text with the `%` expansions of mysql_table(5) in it.
class Template {
public:
    /// What stands at one place: literal text, or what a `%` letter is replaced by.
    struct Piece {
        char expansion = 0;   ///< one of s u d S U D 1-9; 0: literal
        std::string literal;  ///< `%%` is a literal
    };

    /// Throws std::invalid_argument for a `%` that is none of these.
    explicit Template(std::string_view text);

    const std::vector<Piece>& Pieces() const noexcept { return pieces_; }
    bool Uses(std::string_view expansions) const;
    /// The highest of `%1` to `%9`; 0 if there is none.
    unsigned MostLabels() const;
    /// What each piece begins in, where the text is SQL: of SqlMarks().
    std::string Marks(Dialect dialect) const;

private:
    std::vector<Piece> pieces_;
};

/// What the expansions of a key or of a value are: split at its last '@'.
struct AddressParts {
    explicit AddressParts(std::string_view whole);

    std::string_view whole;
    std::string_view user;        ///< all of it where there is no '@'
    std::string_view domain;      ///< empty where there is no '@'
    bool has_empty_user = false;  ///< begins with its last '@'
};

/// An SQL text with `?` for every parameter, and what each is bound to.
struct PreparedQuery {
    std::string sql;
    std::vector<char> parameters;  ///< letters of expansions, in order
};

/// The query and the result format of one table: Postfix's db_common(3). Read by any thread once it
/// is made.
class QueryTemplate {
public:
    /// Throws std::invalid_argument for a bad expansion, naming the parameter that has it.
    QueryTemplate(std::string_view query, std::string_view result_format);

    /// False where the table is not to be asked for a key, since it lacks a part that the query or
    /// the result format needs: it is not found.
    bool IsSearchable(std::string_view key) const;

    /// The query for a searchable key; `quote(part, mark)` makes each part of it fit for SQL within
    /// such marks of SqlMarks(). What would stand in a comment, and might end it, is left out.
    template <typename Quote>
    std::string Query(std::string_view key, Dialect dialect, const Quote& quote) const {
        const AddressParts parts(key);
        const std::string marks = query_.Marks(dialect);
        auto mark = marks.begin();
        std::string query;
        for (const Template::Piece& piece : query_.Pieces()) {
            if (piece.expansion == 0) {
                query += piece.literal;
            } else if (*mark == kCommentMark) {
                query += ' ';  // rather than nothing: it may stand between '*' and '/'
            } else {
                query += quote(Expansion(piece.expansion, parts), *mark);
            }
            ++mark;
        }
        return query;
    }

    /// The query as a prepared statement: where every expansion is a string literal of its own, so
    /// that binding a parameter means the same. Nothing for any other query.
    const std::optional<PreparedQuery>& Prepared() const noexcept { return prepared_; }
    std::vector<std::string> Parameters(std::string_view key) const;

    /// The result for one value, which is not empty; nothing where the value lacks a part that the
    /// result format needs.
    std::optional<std::string> Result(std::string_view value, std::string_view key) const;

private:
    static std::string_view Expansion(char expansion, const AddressParts& parts);

    Template query_;
    Template result_;
    unsigned labels_ = 0;
    bool needs_key_user_ = false;
    bool needs_key_domain_ = false;
    std::optional<PreparedQuery> prepared_;
};

}  // namespace policyd::tables
