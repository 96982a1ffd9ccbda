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

/// The question after the type of a column, as information_schema has it.
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

std::optional<std::string> TypeInServer(const TableDefinition& table,
                                        const SelectedColumn& column) {
    const tables::WarningSink nobody = [](const std::string&) {};
    const tables::TableFile file(table.name.substr(kMysql.size()), nobody);
    mysql::Session::BeginThread();
    std::optional<std::string> type;
    {
        mysql::Client client(
            std::make_shared<mysql::ServerBoard>(tables::ReadAccount(file, kTimeLimit, nobody)));
        const mysql::Values values = client.Run(TypeOf(column), std::chrono::steady_clock::now());
        if (!values.empty()) type = values.front();
    }
    mysql::Session::EndThread();
    return type;
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

void Check(const TableDefinition& table, Report& report) {
    if (!table.name.starts_with(kMysql)) return;
    const auto column = ColumnSelectedBy(table.query);
    if (!column) return;
    try {
        const auto type = TypeInServer(table, *column);
        const char* const limit = type ? SmallLimitOf(*type) : nullptr;
        if (limit == nullptr) return;
        report.Warning(table.place + ": the column " + column->table + '.' + column->name + " is " +
                       *type + ", so no limit can exceed " + limit +
                       ": make it BIGINT UNSIGNED NOT NULL DEFAULT 0");
    } catch (const config::ConfigError&) {
        return;  // CheckBackEnds has reported it
    } catch (const outage::Unavailable&) {
        return;  // so it has this
    }
}

}  // namespace

void WarnOfSmallQuotaColumns(const config::ConfigFile& file, Report& report) {
    const config::Settings settings = config::Expanded(file.settings);
    for (const config::Strings* lists :
         {&settings.virtual_mailbox_limit_maps, &settings.virtual_domain_limit_maps}) {
        for (const TableDefinition& table : DefinitionsOf(*lists)) Check(table, report);
    }
}

}  // namespace policyd::ctl
