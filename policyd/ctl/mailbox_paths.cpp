#include "policyd/ctl/mailbox_paths.hpp"

#include <chrono>
#include <memory>
#include <string>

#include "common/config/expansion.hpp"
#include "common/mail/mailbox_layout.hpp"
#include "common/mysql/client.hpp"
#include "common/outage/unavailable.hpp"
#include "common/sqlite/database.hpp"
#include "common/tables/mysql_table.hpp"
#include "common/text/utf8.hpp"
#include "policyd/ctl/sql_query.hpp"
#include "policyd/ctl/table_definition.hpp"

namespace policyd::ctl {
namespace {

constexpr std::string_view kMysql = "mysql:";
constexpr std::string_view kSqlite = "sqlite:";
constexpr std::chrono::seconds kTimeLimit{10};

/// One that a query gives for whatever key; empty where there is none. Throws outage::Unavailable,
/// sqlite::Error and config::ConfigError.
std::string SomeDirectory(const TableDefinition& table) {
    const auto values = ForAllKeys(table.query);
    if (!values) return "";
    const std::string query = "SELECT value FROM (SELECT " + values->value + " AS value " +
                              values->rest + ") paths WHERE value LIKE '%/' LIMIT 1";
    const tables::WarningSink nobody = [](const std::string&) {};
    const tables::TableFile file(table.name.substr(table.name.find(':') + 1), nobody);
    if (file.Text("result_format", "%s") != "%s") return "";
    if (table.name.starts_with(kSqlite)) {
        sqlite::Database database(file.NeededText("dbpath"), sqlite::Database::Mode::kReadOnly,
                                  kTimeLimit);
        sqlite::Statement select = database.Prepare(query);
        return select.Step() ? select.Text(0).value_or("") : "";
    }
    if (!table.name.starts_with(kMysql)) return "";
    mysql::Client client(
        std::make_shared<mysql::ServerBoard>(tables::ReadAccount(file, kTimeLimit, nobody)));
    mysql::Query select;
    select.text = [&query](const mysql::Query::Quote&) { return query; };
    const mysql::Values found = client.Run(select, std::chrono::steady_clock::now());
    return found.empty() ? "" : found.front().value_or("");
}

}  // namespace

void WarnOfMailboxPaths(const config::ConfigFile& file, Report& report) {
    const config::Settings settings = config::Expanded(file.settings);
    if (settings.usage_source == "dovecot") return;  // which goes by names
    const mail::MailboxLayout layout(settings.mailbox_layout);
    for (const TableDefinition& table : DefinitionsOf(settings.virtual_mailbox_maps)) {
        std::string path;
        try {
            path = SomeDirectory(table);
        } catch (const config::ConfigError&) {
            continue;  // CheckBackEnds has reported it
        } catch (const outage::Unavailable&) {
            continue;  // so it has this, or the server does not follow this form of the query
        } catch (const sqlite::Error&) {
            continue;
        }
        const auto directory = mail::DirectoryWithinBase(path);
        if (path.empty() || !directory || layout.AddressOf(*directory)) continue;
        const std::string warning = "mailbox_layout: \"" + layout.Pattern() + "\" fits no \"" +
                                    text::EscapedForLog(path) + "\", which " + table.name +
                                    " has: no scan measures such a mailbox";
        report.Warning(
            config::ConfigError(file.path, file.LineOf("mailbox_layout"), warning).what());
    }
}

}  // namespace policyd::ctl
