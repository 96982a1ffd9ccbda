#include "policyd/ctl/quota_columns.hpp"

#include <chrono>
#include <memory>
#include <optional>

#include "common/config/config_error.hpp"
#include "common/config/expansion.hpp"
#include "common/mysql/client.hpp"
#include "common/outage/unavailable.hpp"
#include "common/tables/mysql_table.hpp"
#include "policyd/ctl/sql_query.hpp"
#include "policyd/ctl/table_definition.hpp"

namespace policyd::ctl {
namespace {

constexpr std::string_view kMysql = "mysql:";
constexpr std::chrono::seconds kTimeLimit{10};

/// The type of a column, as information_schema has it.
mysql::Query TypeOf(const SelectedColumn& column) {
    mysql::Query query;
    query.text = [column](const mysql::Query::Quote& quote) {
        return "SELECT column_type FROM information_schema.columns WHERE table_schema = " +
               (column.schema.empty() ? "database()" : "'" + quote(column.schema) + "'") +
               " AND table_name = '" + quote(column.table) + "' AND column_name = '" +
               quote(column.name) + "'";
    };
    return query;
}

/// How many rows have no whole number that is a limit.
mysql::Query WrongValuesIn(const SelectedColumn& column) {
    mysql::Query query;
    query.text = [column](const mysql::Query::Quote&) {
        const std::string schema = column.schema.empty() ? "" : '`' + column.schema + "`.";
        return "SELECT COUNT(*) FROM " + schema + '`' + column.table + "` WHERE `" + column.name +
               "` <> '' AND `" + column.name + "` NOT REGEXP '^ *[0-9]+ *$'";
    };
    return query;
}

struct ColumnInServer {
    std::string type;
    std::string wrong_values;  ///< how many
};

/// Nothing where there is no such column.
std::optional<ColumnInServer> AskFor(const TableDefinition& table, const SelectedColumn& column) {
    const tables::WarningSink nobody = [](const std::string&) {};
    const tables::TableFile file(table.name.substr(kMysql.size()), nobody);
    mysql::Session::BeginThread();
    std::optional<ColumnInServer> found;
    {
        mysql::Client client(
            std::make_shared<mysql::ServerBoard>(tables::ReadAccount(file, kTimeLimit, nobody)));
        const auto ask = [&](const mysql::Query& query) -> std::string {
            const mysql::Values values = client.Run(query, std::chrono::steady_clock::now());
            return values.empty() ? "" : values.front().value_or("");
        };
        if (const std::string type = ask(TypeOf(column)); !type.empty())
            found = {type, ask(WrongValuesIn(column))};
    }
    mysql::Session::EndThread();
    return found;
}

/// The largest number of bytes that fits in a column of a type; nothing if it is large enough.
const char* SmallLimitOf(const std::string& type) {
    struct Limit {
        const char* begin;
        const char* is_signed;
        const char* is_unsigned;
    };
    constexpr Limit kLimits[] = {
        {"int", "2147483647 bytes (2 GiB - 1)", "4294967295 bytes (4 GiB - 1)"},
        {"mediumint", "8388607 bytes (8 MiB - 1)", "16777215 bytes (16 MiB - 1)"},
        {"smallint", "32767 bytes", "65535 bytes"},
        {"tinyint", "127 bytes", "255 bytes"},
    };
    for (const Limit& limit : kLimits) {
        if (!type.starts_with(limit.begin)) continue;
        return type.find("unsigned") == type.npos ? limit.is_signed : limit.is_unsigned;
    }
    return nullptr;
}

void Check(const TableDefinition& table, bool in_bytes, Report& report) {
    if (!table.name.starts_with(kMysql)) return;
    const auto column = ColumnSelectedBy(table.query);
    if (!column) return;
    const std::string where =
        table.place + ": the column " + column->table + '.' + column->name + ' ';
    try {
        const auto found = AskFor(table, *column);
        if (!found) return;
        if (const char* const limit = SmallLimitOf(found->type); limit != nullptr && in_bytes)
            report.Warning(where + "is " + found->type + ", so no limit can exceed " + limit +
                           ": make it BIGINT UNSIGNED NOT NULL DEFAULT 0");
        if (found->wrong_values != "0")
            report.Warning(where + "holds in " + found->wrong_values +
                           (found->wrong_values == "1" ? " row" : " rows") +
                           " no whole number of 0 or more: mail for such a mailbox is deferred");
    } catch (const config::ConfigError&) {
        return;  // CheckBackEnds has reported it
    } catch (const outage::Unavailable&) {
        return;  // so it has this
    }
}

}  // namespace

void WarnOfQuotaColumns(const config::ConfigFile& file, Report& report) {
    const config::Settings settings = config::Expanded(file.settings);
    const auto check = [&](const config::Strings& lists, bool in_bytes) {
        for (const TableDefinition& table : DefinitionsOf(lists)) Check(table, in_bytes, report);
    };
    check(settings.virtual_mailbox_limit_maps, true);
    check(settings.virtual_domain_limit_maps, true);
    check(settings.virtual_mailbox_message_limit_maps, false);
    check(settings.virtual_domain_message_limit_maps, false);
}

}  // namespace policyd::ctl
