#include "common/mysql/session.hpp"

#include <cppconn/exception.h>
#include <cppconn/prepared_statement.h>
#include <cppconn/resultset.h>
#include <cppconn/statement.h>
#include <mysql_connection.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "common/mysql/column_types.hpp"
#include "common/mysql/open_connection.hpp"

namespace policyd::mysql {

namespace {

[[noreturn]] void Rethrow(const sql::SQLException& error) {
    throw Error(error.what(), error.getErrorCode());
}

/// The columns of the current row from `first` to before `end`.
void AppendColumns(sql::ResultSet& row, unsigned first, unsigned end, Values& values) {
    for (unsigned column = first; column < end; ++column) {
        const sql::SQLString text = row.getString(column);
        values.push_back(row.wasNull() ? std::nullopt
                                       : std::optional<std::string>(text.asStdString()));
    }
}

void AppendRows(sql::ResultSet& rows, Values& values) {
    const unsigned columns = rows.getMetaData()->getColumnCount();
    while (rows.next()) AppendColumns(rows, 1, columns + 1, values);
}

/// Nothing where the number of columns is another than when the statement was prepared.
std::unique_ptr<sql::ResultSet> Execute(sql::PreparedStatement& statement) {
    // CR_NEW_STMT_METADATA: the number of columns is another one.
    constexpr int kNewStatementMetadata = 2057;
    try {
        return std::unique_ptr<sql::ResultSet>(statement.executeQuery());
    } catch (const sql::SQLException& error) {
        if (error.getErrorCode() != kNewStatementMetadata) throw;
        return nullptr;
    }
}

}  // namespace

Session::Session(const Account& account, const Server& server) {
    try {
        connection_ = OpenConnection(account, server);
        const std::unique_ptr<sql::Statement> statement(connection_->createStatement());
        const auto asked = std::chrono::steady_clock::now();
        statement->execute(LimitOfStatementTime(account.time_limit));
        NoteRoundTrip(std::chrono::steady_clock::now() - asked);
        queries_go_together_ = GivesAllRows();
    } catch (const sql::SQLException& error) {
        Rethrow(error);
    }
}

Session::~Session() = default;

/// The shortest that was seen: what took longer was work, or a busy moment.
void Session::NoteRoundTrip(std::chrono::nanoseconds took) {
    round_trip_ = std::min(round_trip_, took);
}

bool Session::GivesAllRows() {
    const std::unique_ptr<sql::Statement> statement(connection_->createStatement());
    const std::unique_ptr<sql::ResultSet> limit(
        statement->executeQuery("SELECT @@sql_select_limit"));
    return limit->next() && limit->getUInt64(1) == std::numeric_limits<std::uint64_t>::max();
}

Values Session::Run(const Query& query) {
    try {
        if (query.prepared.empty()) return RunText(query);
        if (auto values = TryPrepared(query)) return *std::move(values);
        // A table has other columns than when the statement was prepared.
        ForgetStatements();
        if (auto values = TryPrepared(query)) return *std::move(values);
        return RunText(query);
    } catch (const sql::SQLException& error) {
        Rethrow(error);
    }
}

void Session::ForgetStatements() {
    unions_.clear();
    prepared_.clear();
}

std::optional<Values> Session::TryPrepared(const Query& query) {
    sql::PreparedStatement* const statement = Prepare(query.prepared);
    if (statement == nullptr) return RunText(query);
    return RunPrepared(*statement, query.parameters);
}

/// Null where the server does not take it, or its columns would come out differently as text.
std::unique_ptr<sql::PreparedStatement> Session::MakeReady(const std::string& text) {
    const auto asked = std::chrono::steady_clock::now();
    ++preparations_;
    try {
        std::unique_ptr<sql::PreparedStatement> statement(connection_->prepareStatement(text));
        NoteRoundTrip(std::chrono::steady_clock::now() - asked);
        if (ReadsAsText(*statement->getMetaData())) return statement;
    } catch (const sql::SQLException& error) {
        if (Error("", error.getErrorCode()).IsOfServer()) throw;
    }
    return nullptr;
}

sql::PreparedStatement* Session::Prepare(const std::string& query) {
    const auto known = prepared_.find(query);
    if (known != prepared_.end()) return known->second.get();
    return prepared_.emplace(query, MakeReady(query)).first->second.get();
}

/// Nothing for a query that is to be asked as text.
std::optional<unsigned> Session::ColumnsOf(const std::string& query) {
    sql::PreparedStatement* const statement = Prepare(query);
    if (statement == nullptr) return std::nullopt;
    return statement->getMetaData()->getColumnCount();
}

/// Nothing where the columns are not those any more with which it was prepared.
std::optional<Values> Session::RunPrepared(sql::PreparedStatement& statement,
                                           const std::vector<std::string>& values) {
    unsigned number = 0;
    for (const std::string& value : values) statement.setString(++number, value);
    const auto rows = Execute(statement);
    if (!rows || !ReadsAsText(*rows->getMetaData())) return std::nullopt;
    Values result;
    AppendRows(*rows, result);
    return result;
}

std::vector<Values> Session::RunTogether(std::span<const Query> queries) {
    try {
        if (queries.size() > 1 && queries_go_together_) {
            if (auto values = TryUnion(queries)) return *std::move(values);
        }
    } catch (const sql::SQLException& error) {
        Rethrow(error);
    }
    std::vector<Values> values;
    for (const Query& query : queries) values.push_back(Run(query));
    return values;
}

std::optional<std::vector<Values>> Session::TryUnion(std::span<const Query> queries) {
    Union& together = PrepareUnion(queries);
    if (!together.statement) return std::nullopt;
    const std::vector<std::size_t> alone = together.plan.alone;
    auto values = RunUnion(together, queries);
    if (!values) {
        ForgetStatements();
        return std::nullopt;
    }
    for (const std::size_t query : alone) (*values)[query] = Run(queries[query]);
    return values;
}

Session::Union& Session::PrepareUnion(std::span<const Query> queries) {
    std::string name;
    for (const Query& query : queries) {
        name += query.has_parameters_of_last ? '=' : '\n';
        name += query.prepared;
    }
    const auto known = unions_.find(name);
    if (known != unions_.end()) return known->second;

    const auto columns_of = [this](const std::string& query) { return ColumnsOf(query); };
    Union together{PlanUnion(queries, columns_of)};
    if (!together.plan.text.empty()) together.statement = MakeReady(together.plan.text);
    // A table may have other columns than when the queries were prepared one by one.
    if (together.statement &&
        together.statement->getMetaData()->getColumnCount() != together.plan.columns)
        together.statement.reset();
    return unions_.emplace(std::move(name), std::move(together)).first->second;
}

std::optional<std::vector<Values>> Session::RunUnion(Union& together,
                                                     std::span<const Query> queries) {
    unsigned number = 0;
    for (const auto& places : together.plan.places) {
        for (const std::string& value : queries[places.front().query].parameters)
            together.statement->setString(++number, value);
    }
    const auto rows = Execute(*together.statement);
    if (!rows || !ReadsAsText(*rows->getMetaData())) return std::nullopt;
    // What they are together, such as of a column and NULL, need not be what each is.
    const std::string types = TypesOf(*rows->getMetaData());
    if (together.types.empty()) together.types = types;
    if (together.types != types) return std::nullopt;
    std::vector<Values> values(queries.size());
    while (rows->next()) {
        for (const auto& [query, first, end] : together.plan.places.at(rows->getUInt(1)))
            AppendColumns(*rows, first, end, values[query]);
    }
    return values;
}

Values Session::RunText(const Query& query) {
    const bool has_escapes = Escaped("\"") != "\"";
    const auto quoted = [this, has_escapes](std::string_view part, char mark) {
        return Quoted(part, mark, has_escapes);
    };
    const std::unique_ptr<sql::Statement> statement(connection_->createStatement());
    Values values;
    if (!statement->execute(query.text({quoted, has_escapes}))) {
        if (query.needs_result_set) throw Error("the query gave no result set", 0);
        return values;
    }
    int result_sets = 0;
    do {
        const std::unique_ptr<sql::ResultSet> rows(statement->getResultSet());
        AppendRows(*rows, values);
        ++result_sets;
    } while (statement->getMoreResults());
    if (result_sets > 1) throw Error("the query gave more than one result set", 0);
    return values;
}

std::string Session::Escaped(std::string_view part) const {
    auto& connection = dynamic_cast<sql::mysql::MySQL_Connection&>(*connection_);
    return connection.escapeString(sql::SQLString(part.data(), part.size())).asStdString();
}

/// Where backslashes escape nothing, which is in names always, the library doubles single quotation
/// marks alone.
std::string Session::Quoted(std::string_view part, char mark, bool has_escapes) const {
    std::string quoted = Escaped(part);
    if (mark != '`' && (mark != '"' || has_escapes)) return quoted;
    for (std::size_t i = 0; (i = quoted.find(mark, i)) != quoted.npos; i += 2)
        quoted.insert(i, 1, mark);
    return quoted;
}

}  // namespace policyd::mysql
