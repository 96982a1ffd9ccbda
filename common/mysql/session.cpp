#include "common/mysql/session.hpp"

#include <cppconn/datatype.h>
#include <cppconn/driver.h>
#include <cppconn/exception.h>
#include <cppconn/prepared_statement.h>
#include <cppconn/resultset.h>
#include <cppconn/statement.h>
#include <mysql_connection.h>
#include <mysql_driver.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "common/mysql/query_union.hpp"

namespace policyd::mysql {

namespace {

std::string Address(const Server& server) {
    // Without a path it is the socket that the library is built with. Of "localhost" the connector
    // makes TCP, unlike the library and so Postfix (mysql_table(5)).
    if (server.host.empty()) return "unix://" + server.socket;
    const bool is_ipv6 = server.host.find(':') != std::string::npos;
    return "tcp://" + (is_ipv6 ? "[" + server.host + "]" : server.host) + ":" +
           std::to_string(server.port == 0 ? 3306 : server.port);
}

/// The library counts time limits in seconds. Above the limit, so that a server that lives is the
/// first to give up on a slow query, and the connection survives.
int WholeSeconds(std::chrono::milliseconds limit) {
    return static_cast<int>(std::chrono::floor<std::chrono::seconds>(limit).count()) + 1;
}

void SetUnlessEmpty(sql::ConnectOptionsMap& options, const char* name, const std::string& value) {
    if (!value.empty()) options[name] = sql::SQLString(value);
}

sql::ConnectOptionsMap OptionsFor(const Account& account, const Server& server) {
    sql::ConnectOptionsMap options;
    options["hostName"] = sql::SQLString(Address(server));
    options["userName"] = sql::SQLString(account.user);
    options["password"] = sql::SQLString(account.password);
    options["schema"] = sql::SQLString(account.database);
    options["OPT_CHARSET_NAME"] = sql::SQLString(account.charset);
    options["characterSetResults"] = sql::SQLString(account.charset);
    for (const char* limit : {"OPT_CONNECT_TIMEOUT", "OPT_READ_TIMEOUT", "OPT_WRITE_TIMEOUT"})
        options[limit] = WholeSeconds(account.time_limit);
    SetUnlessEmpty(options, "readDefaultFile", account.option_file);
    SetUnlessEmpty(options, "readDefaultGroup", account.option_group);
    SetUnlessEmpty(options, "sslKey", account.tls.key_file);
    SetUnlessEmpty(options, "sslCert", account.tls.cert_file);
    SetUnlessEmpty(options, "sslCA", account.tls.ca_file);
    SetUnlessEmpty(options, "sslCAPath", account.tls.ca_path);
    SetUnlessEmpty(options, "sslCipher", account.tls.ciphers);
    if (account.tls.IsUsed()) {
        options["sslEnforce"] = true;
        options["sslVerify"] = account.tls.verify_cert;
    }
    return options;
}

/// Asks the server itself to give up on a slow query; each kind of server reads its own part.
std::string LimitStatementTime(std::chrono::milliseconds limit) {
    const std::string milliseconds = std::to_string(limit.count());
    return "SET autocommit = 1 /*M!100101 , max_statement_time = " +
           std::to_string(static_cast<double>(limit.count()) / 1000) +
           " */ /*!50708 , max_execution_time = " + milliseconds + " */";
}

sql::mysql::MySQL_Driver& Driver() {
    // Making the driver is not thread-safe; this initialization is.
    static sql::mysql::MySQL_Driver* const driver = sql::mysql::get_mysql_driver_instance();
    return *driver;
}

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

/// The client library reads the text of a decimal, up to 68 bytes, from a buffer of 64.
bool IsLongDecimal(sql::ResultSetMetaData& columns, unsigned column) {
    constexpr unsigned kBuffer = 64;
    constexpr unsigned kBesideDigits = 3;  // a sign, a point and the zero before it
    return columns.getPrecision(column) + kBesideDigits > kBuffer;
}

/// Types that a prepared statement gives back as the same text that a plain query does.
bool ReadsAsText(sql::ResultSetMetaData& columns) {
    for (unsigned column = 1; column <= columns.getColumnCount(); ++column) {
        switch (columns.getColumnType(column)) {
            case sql::DataType::CHAR:
            case sql::DataType::VARCHAR:
            case sql::DataType::LONGVARCHAR:
                break;
            case sql::DataType::SMALLINT:
            case sql::DataType::MEDIUMINT:
            case sql::DataType::INTEGER:
            case sql::DataType::BIGINT:
                if (columns.isZerofill(column)) return false;
                break;
            case sql::DataType::DECIMAL:  // as an unsigned BIGINT is where NULL may stand for it
                if (columns.isZerofill(column) || IsLongDecimal(columns, column)) return false;
                break;
            default:
                return false;
        }
    }
    return true;
}

/// What the columns are, in a form that is another where one of them has become another.
std::string TypesOf(sql::ResultSetMetaData& columns) {
    std::string types;
    for (unsigned column = 1; column <= columns.getColumnCount(); ++column) {
        const int type = columns.getColumnType(column);
        types.append(std::to_string(type))
            .append(columns.isSigned(column) ? "+" : "-")
            .append(columns.isZerofill(column) ? "z" : " ");
        if (type == sql::DataType::DECIMAL && IsLongDecimal(columns, column)) types += 'l';
    }
    return types;
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

constexpr std::size_t kNoPart = static_cast<std::size_t>(-1);

/// The part, of those that the queries before this one are in, whose rows it shares.
std::size_t PartWithTheSameRows(std::span<const Query> queries,
                                const std::vector<std::size_t>& part_of) {
    const std::size_t query = part_of.size();
    for (std::size_t earlier = query; earlier > 0 && queries[earlier].has_parameters_of_last;) {
        --earlier;
        if (part_of[earlier] != kNoPart &&
            HaveTheSameRows(queries[earlier].prepared, queries[query].prepared))
            return part_of[earlier];
    }
    return kNoPart;
}

}  // namespace

bool Error::IsOfServer() const noexcept {
    static constexpr std::array kServerCodes{1040, 1042, 1043, 1047, 1053, 1080, 1129, 1130,
                                             1152, 1184, 1203, 1226, 1927, 1969, 3024, 4031};
    if (code_ >= 2000 && code_ < 3000) return true;
    for (const int code : kServerCodes) {
        if (code_ == code) return true;
    }
    return false;
}

bool Error::IsOfQuery() const noexcept {
    // The server knows a prepared statement no more: only another session can prepare it anew.
    constexpr std::array kOfStatements{1210, 1243, 1615};
    const bool is_answer = code_ >= 1000 && code_ < 2000;  // the client library's own are others
    return is_answer && !IsOfServer() &&
           std::find(kOfStatements.begin(), kOfStatements.end(), code_) == kOfStatements.end();
}

void Session::BeginThread() {
    Driver().threadInit();
}

void Session::EndThread() {
    Driver().threadEnd();
}

Session::Session(const Account& account, const Server& server) {
    try {
        sql::ConnectOptionsMap options = OptionsFor(account, server);
        connection_.reset(Driver().connect(options));
        if (account.tls.IsUsed()) RequireEncryption();
        const std::unique_ptr<sql::Statement> statement(connection_->createStatement());
        const auto asked = std::chrono::steady_clock::now();
        statement->execute(LimitStatementTime(account.time_limit));
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

/// The library goes on in the clear where a server offers no encryption, whatever it was told.
void Session::RequireEncryption() {
    const std::unique_ptr<sql::Statement> statement(connection_->createStatement());
    const std::unique_ptr<sql::ResultSet> cipher(
        statement->executeQuery("SHOW SESSION STATUS LIKE 'Ssl_cipher'"));
    if (!cipher->next() || cipher->getString(2).asStdString().empty())
        throw Error("the server does not encrypt, and the tls_ options ask for it",
                    Error::kCannotConnect);
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

sql::PreparedStatement* Session::Prepare(const std::string& query) {
    const auto known = prepared_.find(query);
    if (known != prepared_.end()) return known->second.get();
    std::unique_ptr<sql::PreparedStatement> statement;
    const auto asked = std::chrono::steady_clock::now();
    ++preparations_;
    try {
        statement.reset(connection_->prepareStatement(query));
        NoteRoundTrip(std::chrono::steady_clock::now() - asked);
        if (!ReadsAsText(*statement->getMetaData())) statement.reset();
    } catch (const sql::SQLException& error) {
        if (Error("", error.getErrorCode()).IsOfServer()) throw;
        statement.reset();
    }
    return prepared_.emplace(query, std::move(statement)).first->second.get();
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
    const std::vector<std::size_t> alone = together.alone;
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

    Union together;
    std::map<std::string_view, UnionQuery> known_queries;
    std::vector<UnionPart> parts;
    std::vector<std::size_t> part_of;  // of each query, kNoPart of those that are asked alone
    unsigned columns = 1;
    for (std::size_t i = 0; i < queries.size(); ++i) {
        const std::string& text = queries[i].prepared;
        auto query = known_queries.find(text);
        if (query == known_queries.end()) {
            sql::PreparedStatement* const alone = text.empty() ? nullptr : Prepare(text);
            if (alone == nullptr || !CanBePartOfUnion(text)) {
                together.alone.push_back(i);
                part_of.push_back(kNoPart);
                continue;
            }
            const unsigned before =
                std::exchange(columns, columns + alone->getMetaData()->getColumnCount());
            query = known_queries.emplace(text, UnionQuery{text, before, columns}).first;
        }
        std::size_t part = PartWithTheSameRows(queries, part_of);
        if (part == kNoPart) {
            part = parts.size();
            parts.emplace_back();
            together.places.emplace_back();
        }
        part_of.push_back(part);
        parts[part].push_back(query->second);
        together.places[part].push_back(
            {i, query->second.columns_before + 1, query->second.columns_to + 1});
    }
    if (queries.size() - together.alone.size() > 1) {
        try {
            const auto asked = std::chrono::steady_clock::now();
            ++preparations_;
            together.statement.reset(connection_->prepareStatement(UnionOf(parts, columns)));
            NoteRoundTrip(std::chrono::steady_clock::now() - asked);
            // A table may have other columns than when the queries were prepared one by one.
            const auto metadata = together.statement->getMetaData();
            if (metadata->getColumnCount() != columns || !ReadsAsText(*metadata))
                together.statement.reset();
        } catch (const sql::SQLException& error) {
            if (Error("", error.getErrorCode()).IsOfServer()) throw;
        }
    }
    return unions_.emplace(std::move(name), std::move(together)).first->second;
}

std::optional<std::vector<Values>> Session::RunUnion(Union& together,
                                                     std::span<const Query> queries) {
    unsigned number = 0;
    for (const auto& places : together.places) {
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
        for (const auto& [query, first, end] : together.places.at(rows->getUInt(1)))
            AppendColumns(*rows, first, end, values[query]);
    }
    return values;
}

Values Session::RunText(const Query& query) {
    const auto quote = [this](std::string_view part) { return Quoted(part); };
    const std::unique_ptr<sql::Statement> statement(connection_->createStatement());
    Values values;
    if (!statement->execute(query.text(quote))) {
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

std::string Session::Quoted(std::string_view part) const {
    auto& connection = dynamic_cast<sql::mysql::MySQL_Connection&>(*connection_);
    return connection.escapeString(sql::SQLString(part.data(), part.size())).asStdString();
}

}  // namespace policyd::mysql
