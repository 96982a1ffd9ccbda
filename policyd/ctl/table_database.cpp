#include "policyd/ctl/table_database.hpp"

#include <memory>
#include <string_view>

#include "common/sqlite/database.hpp"
#include "common/tables/mysql_table.hpp"

namespace policyd::ctl {
namespace {

constexpr std::string_view kMysql = "mysql:";
constexpr std::string_view kSqlite = "sqlite:";

const tables::WarningSink kNobody = [](const std::string&) {};

std::shared_ptr<mysql::ServerBoard> BoardFor(const TableDefinition& table) {
    const tables::TableFile file(table.name.substr(kMysql.size()), kNobody);
    return std::make_shared<mysql::ServerBoard>(
        tables::ReadAccount(file, TableServer::kTimeLimit, kNobody));
}

}  // namespace

bool IsInMysql(const TableDefinition& table) {
    return table.name.starts_with(kMysql);
}

bool IsInSqlite(const TableDefinition& table) {
    return table.name.starts_with(kSqlite);
}

TableServer::TableServer(const TableDefinition& table) : client_(BoardFor(table)) {}

std::string TableServer::Ask(const mysql::Query& query) {
    const mysql::Values values = client_.Run(query, std::chrono::steady_clock::now());
    return values.empty() ? "" : values.front().value_or("");
}

std::string TableServer::Ask(const std::string& query) {
    mysql::Query asked;
    asked.text = [&query](const mysql::Query::Quote&) { return query; };
    return Ask(asked);
}

std::string AskFileOf(const TableDefinition& table, const std::string& query) {
    const tables::TableFile file(table.name.substr(kSqlite.size()), kNobody);
    sqlite::Database database(file.NeededText("dbpath"), sqlite::Database::Mode::kReadOnly,
                              TableServer::kTimeLimit);
    sqlite::Statement select = database.Prepare(query);
    return select.Step() ? select.Text(0).value_or("") : "";
}

}  // namespace policyd::ctl
