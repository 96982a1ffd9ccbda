#include "loadtest/mailbox_query.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "common/mysql/client.hpp"
#include "common/sqlite/database.hpp"
#include "common/tables/mysql_table.hpp"
#include "common/tables/table_file.hpp"
#include "common/text/utf8.hpp"

namespace policyd::loadtest {

namespace {

constexpr std::string_view kMysql = "mysql:";
constexpr std::string_view kSqlite = "sqlite:";
constexpr std::chrono::minutes kPatience{10};

/// A line break would end the attribute, or the request.
void Add(const std::optional<std::string>& address, std::vector<NameList::Line>& lines) {
    if (!address || address->empty()) return;
    if (std::any_of(address->begin(), address->end(), [](unsigned char c) { return c < 0x20; }))
        throw std::runtime_error("no address: " + text::EscapedForLog(*address));
    lines.push_back({*address, ""});
}

/// Parameters that the file has for its own query are none of ours.
void IgnoreWarnings(const std::string&) {}

std::vector<NameList::Line> FromMysql(const tables::TableFile& file, const std::string& query) {
    const mysql::Account account = tables::ReadAccount(file, kPatience, &IgnoreWarnings);
    mysql::Client client(std::make_shared<mysql::ServerBoard>(account));
    mysql::Query select;
    select.text = [&query](const mysql::Query::Quote&) { return query; };
    std::vector<NameList::Line> lines;
    for (const auto& address : client.Run(select, mysql::Client::Clock::now())) Add(address, lines);
    return lines;
}

std::vector<NameList::Line> FromSqlite(const tables::TableFile& file, const std::string& query) {
    sqlite::Database database(file.NeededText("dbpath"), sqlite::Database::Mode::kReadOnly,
                              kPatience);
    sqlite::Statement select = database.Prepare(query);
    std::vector<NameList::Line> lines;
    while (select.Step())
        for (int column = 0; column < select.Columns(); ++column) Add(select.Text(column), lines);
    return lines;
}

}  // namespace

void CheckRecipientSource(std::string_view source) {
    if (IsDatabase(source)) return;
    try {
        CheckNameSource(source);
    } catch (const std::invalid_argument& error) {
        throw std::invalid_argument(error.what() + std::string(", mysql:PATH or sqlite:PATH"));
    }
}

bool IsDatabase(std::string_view source) {
    return source.starts_with(kMysql) || source.starts_with(kSqlite);
}

std::vector<NameList::Line> ReadMailboxes(std::string_view source, const std::string& query) {
    const bool is_mysql = source.starts_with(kMysql);
    const std::string path(source.substr((is_mysql ? kMysql : kSqlite).size()));
    const tables::TableFile file(path, &IgnoreWarnings);
    std::vector<NameList::Line> lines = is_mysql ? FromMysql(file, query) : FromSqlite(file, query);
    if (lines.empty()) throw std::runtime_error(path + ": " + query + ": selects nothing");
    return lines;
}

}  // namespace policyd::loadtest
