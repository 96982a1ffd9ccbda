#include "policyd/ctl/quota_columns.hpp"

#include <optional>
#include <string>

#include "common/config/config_error.hpp"
#include "common/config/expansion.hpp"
#include "common/config/values.hpp"
#include "common/outage/unavailable.hpp"
#include "common/sqlite/database.hpp"
#include "policyd/ctl/sql_query.hpp"
#include "policyd/ctl/table_database.hpp"

namespace policyd::ctl {
namespace {

/// The type of a column, as information_schema has it.
mysql::Query TypeOf(const SelectedColumn& column) {
    mysql::Query query;
    query.text = [column](const mysql::Query::Quote& quote) {
        return "SELECT column_type FROM information_schema.columns WHERE table_schema = " +
               (column.schema.empty() ? "database()" : "'" + quote(column.schema, '\'') + "'") +
               " AND table_name = '" + quote(column.table, '\'') + "' AND column_name = '" +
               quote(column.name, '\'') + "'";
    };
    return query;
}

/// Counts the rows that a query can give, in a column `value`, and that come to a condition.
std::string CountOf(const ValuesOfAllKeys& values, const char* condition) {
    return "SELECT COUNT(*) FROM (SELECT " + values.value + " AS value " + values.rest +
           ") limits WHERE " + condition;
}

/// What is neither nothing nor a whole number of up to 64 bits, for MySQL and for SQLite.
constexpr const char* kIsNoLimit =
    "LENGTH(CAST(value AS CHAR)) > 0 AND (CAST(value AS CHAR) NOT REGEXP '^ *[0-9]+ *$' OR "
    "CAST(value AS DECIMAL(65)) > 18446744073709551615)";
constexpr const char* kIsNoLimitInSqlite =
    "length(CAST(value AS TEXT)) > 0 AND (trim(CAST(value AS TEXT)) = '' OR "
    "trim(CAST(value AS TEXT)) GLOB '*[^0-9]*' OR "
    "substr('00000000000000000000' || trim(CAST(value AS TEXT)), -20) > '18446744073709551615' OR "
    "length(ltrim(trim(CAST(value AS TEXT)), '0')) > 20)";

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

void CheckType(TableServer& server, const std::string& where, const SelectedColumn& column,
               Report& report) {
    const std::string type = server.Ask(TypeOf(column));
    const char* const limit = SmallLimitOf(type);
    if (limit == nullptr) return;
    report.Warning(where + "the column " + column.table + '.' + column.name + " is " + type +
                   ", so no limit can exceed " + limit +
                   ": make it BIGINT UNSIGNED NOT NULL DEFAULT 0");
}

void ReportRows(const std::string& where, const std::string& value, const std::string& rows,
                Report& report) {
    if (rows == "0") return;
    report.Warning(where + value + " is in " + rows + (rows == "1" ? " row" : " rows") +
                   " no whole number of 0 or more: mail for such a mailbox is deferred");
}

void CheckValues(TableServer& server, const std::string& where, const ValuesOfAllKeys& values,
                 Report& report) {
    server.Ask("SELECT 1");  // throws where it is down
    try {
        ReportRows(where, values.value, server.Ask(CountOf(values, kIsNoLimit)), report);
    } catch (const outage::TableRefuses& refusal) {
        // That a server does not follow this form of the query is no mistake, but what it says of
        // the data is of its rows.
        if (refusal.IsMistake()) return;
        report.Warning(where + values.value + " cannot be computed for some row (" +
                       refusal.what() + "): mail for such a mailbox is deferred");
    } catch (const outage::TableUnavailable&) {
        report.Warning(where + "not all rows could be looked at within " +
                       config::ShowDuration(TableServer::kTimeLimit) +
                       ", for limits that are none");
    }
}

void CheckValuesInSqlite(const TableDefinition& table, const std::string& where,
                         const ValuesOfAllKeys& values, Report& report) {
    try {
        ReportRows(where, values.value, AskFileOf(table, CountOf(values, kIsNoLimitInSqlite)),
                   report);
    } catch (const sqlite::Error&) {
        // Likewise; and CheckBackEnds has reported what is wrong with the database.
    }
}

/// The values of all rows of its table, also of those that its conditions leave out.
ValuesOfAllKeys AllOf(const SelectedColumn& column) {
    const auto quoted = [](const std::string& name) { return '`' + name + '`'; };
    const std::string schema = column.schema.empty() ? "" : quoted(column.schema) + '.';
    return {quoted(column.name), "FROM " + schema + quoted(column.table)};
}

void Check(const TableDefinition& table, bool in_bytes, Report& report) {
    if (IsInMysql(table) && SelectsSeveralColumns(table.query))
        report.Warning(table.place +
                       ": the query selects several columns, which are joined by commas to what is "
                       "no whole number: mail for such a mailbox is deferred: select the limit "
                       "alone");
    const auto column = ColumnSelectedBy(table.query);
    auto values = ForAllKeys(table.query);
    const bool leaves_conditions_out = !values && column;
    if (leaves_conditions_out) values = AllOf(*column);
    const std::string where = table.place + ": ";
    const std::string of_values =
        leaves_conditions_out ? where + "whatever its conditions say, " : where;
    try {
        if (IsInSqlite(table) && values) CheckValuesInSqlite(table, of_values, *values, report);
        if (!IsInMysql(table)) return;
        TableServer server(table);
        if (column && in_bytes) CheckType(server, where, *column, report);
        if (values) CheckValues(server, of_values, *values, report);
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
