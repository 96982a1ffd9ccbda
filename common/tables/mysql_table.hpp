#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/mysql/query_batches.hpp"
#include "common/outage/back_end.hpp"
#include "common/tables/lookup_table.hpp"
#include "common/tables/sql_lookup.hpp"

namespace policyd::tables {

/// Who is asked, according to a mysql_table(5) file. Throws config::ConfigError.
mysql::Account ReadAccount(const TableFile& file, std::chrono::milliseconds time_limit,
                           const WarningSink& warn);

/// `mysql:/path.cf`: mysql_table(5). Looked up on threads that own their connections.
class MysqlTable final : public LookupTable {
public:
    /// The servers of one account, and the connections to them. Tables with equal accounts share
    /// them.
    struct Servers {
        mysql::QueryBatches batches;
        outage::BackEnd back_end;
        uv_loop_t* loop;
        std::chrono::milliseconds time_limit;  ///< for one question, with the wait for a worker
    };

    MysqlTable(SqlLookup lookup, bool needs_result_set, std::shared_ptr<Servers> servers)
        : lookup_(std::make_shared<SqlLookup>(std::move(lookup))),
          needs_result_set_(needs_result_set),
          servers_(std::move(servers)) {}

    const std::string& Name() const override { return lookup_->Name(); }
    async::Task<std::optional<std::string>> Find(std::string_view key) override;
    async::Task<void> Try() override;
    const void* Server() const override { return servers_.get(); }
    async::Task<std::vector<Outcome>> FindTogether(std::vector<Question> questions) override;

private:
    mysql::Query QueryFor(const std::string& key) const;
    /// The values of each. Throws outage::TableUnavailable.
    async::Task<std::vector<mysql::Values>> Run(std::vector<mysql::Query> queries);
    /// The same without a limit: it may take longer than anybody waits for it, and than the table
    /// lives.
    static async::Task<std::vector<mysql::Values>> AskServers(std::shared_ptr<Servers> servers,
                                                              std::vector<mysql::Query> queries);

    const std::shared_ptr<const SqlLookup> lookup_;
    bool needs_result_set_;
    std::shared_ptr<Servers> servers_;
};

}  // namespace policyd::tables
