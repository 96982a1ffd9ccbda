#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/mysql/account.hpp"
#include "common/mysql/error.hpp"
#include "common/mysql/query.hpp"
#include "common/mysql/query_union.hpp"

namespace sql {
class Connection;
class PreparedStatement;
class ResultSet;
}  // namespace sql

namespace policyd::mysql {

/// One connection to one server, for one thread (see BeginThread()). Not to be used again once a
/// call has thrown, but where the server refused a query (Error::IsOfQuery()).
class Session {
public:
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
    /// A statement that is several queries.
    struct Union {
        UnionPlan plan;
        std::unique_ptr<sql::PreparedStatement>
            statement{};      ///< null: the queries do not go together
        std::string types{};  ///< of its columns, when it was first run
    };

    void NoteRoundTrip(std::chrono::nanoseconds took);
    bool GivesAllRows();
    std::unique_ptr<sql::PreparedStatement> MakeReady(const std::string& text);
    sql::PreparedStatement* Prepare(const std::string& query);
    std::optional<unsigned> ColumnsOf(const std::string& query);
    void ForgetStatements();
    std::optional<Values> TryPrepared(const Query& query);
    std::optional<std::vector<Values>> TryUnion(std::span<const Query> queries);
    Union& PrepareUnion(std::span<const Query> queries);
    std::optional<std::vector<Values>> RunUnion(Union& together, std::span<const Query> queries);
    std::optional<Values> RunPrepared(sql::PreparedStatement& statement,
                                      const std::vector<std::string>& values);
    Values RunText(const Query& query);
    std::string Escaped(std::string_view part) const;
    std::string Quoted(std::string_view part, char mark, bool has_escapes) const;

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
