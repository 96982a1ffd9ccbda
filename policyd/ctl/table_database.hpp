#pragma once

#include <chrono>
#include <string>

#include "common/mysql/client.hpp"
#include "policyd/ctl/table_definition.hpp"

namespace policyd::ctl {

bool IsInMysql(const TableDefinition& table);
bool IsInSqlite(const TableDefinition& table);

/// The servers of a mysql: table, which are asked about more than its keys.
class TableServer {
public:
    static constexpr std::chrono::seconds kTimeLimit{10};  ///< for each answer

    /// Throws config::ConfigError.
    explicit TableServer(const TableDefinition& table);

    /// The first value of the answer, or nothing. Throws outage::TableUnavailable.
    std::string Ask(const mysql::Query& query);
    std::string Ask(const std::string& query);

private:
    mysql::Client client_;
};

/// The same of the file of an sqlite: table. Throws config::ConfigError and sqlite::Error.
std::string AskFileOf(const TableDefinition& table, const std::string& query);

}  // namespace policyd::ctl
