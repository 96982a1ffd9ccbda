#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/mysql/account.hpp"

namespace sql {
class Connection;
class PreparedStatement;
class ResultSet;
}  // namespace sql

namespace policyd::mysql {

/// The client library or the server said no; `Code()` is MySQL's error number, 0 for a mistake of
/// the query that the server does not see. The text never holds a password.
class Error : public std::runtime_error {
public:
    /// Whatever the reason was: a server that does not let us in is of no use.
    static constexpr int kCannotConnect = 2002;

    Error(const std::string& what, int code) : std::runtime_error(what), code_(code) {}

    int Code() const noexcept { return code_; }
    /// Whether the connection or its server failed, rather than the query.
    bool IsOfServer() const noexcept;
    /// Whether it is the server's answer to a query, and other queries may go well.
    bool IsOfQuery() const noexcept;

private:
    int code_;
};

/// A query in its two forms.
struct Query {
    /// Makes a part of the query fit for a string literal of the connection's character set.
    using Quote = std::function<std::string(std::string_view)>;

    /// Who asks it: of those that are only text, the queries of one are alike.
    const void* source = nullptr;
    std::string prepared;                 ///< with `?`; empty: only as text
    std::vector<std::string> parameters;  ///< of `prepared`
    /// In RunTogether(): surely the same as those of the query before it. Not found out by
    /// comparing them: what a statement looks like must not follow from who asks, or there would be
    /// too many.
    bool has_parameters_of_last = false;
    std::function<std::string(const Quote&)> text;
    bool needs_result_set = true;  ///< a query that gives none is an error
};

/// The columns of all rows, one after the other, as their text; nothing for NULL.
using Values = std::vector<std::optional<std::string>>;

/// One connection to one server, for one thread. Not to be used again once a call has thrown, but
/// where the server refused a query (Error::IsOfQuery()).
class Session {
public:
    /// Every thread that uses sessions calls these first and last.
    static void BeginThread();
    static void EndThread();

    /// Connects. Throws Error.
    Session(const Account& account, const Server& server);
    ~Session();

    /// How long the server took to answer what is no work: how far away it is.
    std::chrono::nanoseconds RoundTrip() const noexcept { return round_trip_; }
    /// How many statements were made ready to be run, each of which took the server's time as well.
    std::size_t Preparations() const noexcept { return preparations_; }

    /// Throws Error, also for a query with several result sets.
    Values Run(const Query& query);

    /// The values of each query. They are put to the server as one where that makes no difference,
    /// which costs little more than one of them alone. Throws Error as soon as one fails.
    std::vector<Values> RunTogether(std::span<const Query> queries);

private:
    /// A statement that is several queries, as many of those that are asked as can be.
    struct Union {
        struct Place {
            std::size_t query;
            unsigned first_column, end_column;  ///< as the client library counts
        };
        std::unique_ptr<sql::PreparedStatement>
            statement;                           ///< null: the queries do not go together
        std::vector<std::vector<Place>> places;  ///< of what a row with this number holds
        std::vector<std::size_t> alone{};        ///< the queries that are asked beside it
        std::string types{};                     ///< of its columns, when it was first run
    };

    void RequireEncryption();
    void NoteRoundTrip(std::chrono::nanoseconds took);
    bool GivesAllRows();
    sql::PreparedStatement* Prepare(const std::string& query);
    void ForgetStatements();
    std::optional<Values> TryPrepared(const Query& query);
    std::optional<std::vector<Values>> TryUnion(std::span<const Query> queries);
    Union& PrepareUnion(std::span<const Query> queries);
    std::optional<std::vector<Values>> RunUnion(Union& together, std::span<const Query> queries);
    std::optional<Values> RunPrepared(sql::PreparedStatement& statement,
                                      const std::vector<std::string>& values);
    Values RunText(const Query& query);
    std::string Quoted(std::string_view part) const;

    std::unique_ptr<sql::Connection> connection_;
    std::chrono::nanoseconds round_trip_ = std::chrono::nanoseconds::max();
    std::size_t preparations_ = 0;
    /// Null for a query whose results come out differently as text.
    std::map<std::string, std::unique_ptr<sql::PreparedStatement>> prepared_;
    std::map<std::string, Union> unions_;  // by the texts of their queries
    /// No: where the server limits how many rows a statement gives, it would limit those of all
    /// queries together.
    bool queries_go_together_ = false;
};

}  // namespace policyd::mysql
