#include "policyd/ctl/mailbox_paths.hpp"

#include <string>

#include "common/config/expansion.hpp"
#include "common/mail/mailbox_layout.hpp"
#include "common/outage/unavailable.hpp"
#include "common/sqlite/database.hpp"
#include "common/tables/table_file.hpp"
#include "common/text/utf8.hpp"
#include "policyd/ctl/sql_query.hpp"
#include "policyd/ctl/table_database.hpp"

namespace policyd::ctl {
namespace {

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
    if (IsInSqlite(table)) return AskFileOf(table, query);
    return IsInMysql(table) ? TableServer(table).Ask(query) : "";
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
