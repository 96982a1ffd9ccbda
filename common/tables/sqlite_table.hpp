#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/async/worker_pool.hpp"
#include "common/tables/lookup_table.hpp"
#include "common/tables/sql_lookup.hpp"
#include "common/tables/sqlite_file.hpp"

namespace policyd::tables {

/// `sqlite:/path.cf`: sqlite_table(5). Looked up on a worker thread.
class SqliteTable final : public LookupTable {
public:
    /// One worker for each database file; tables of the same file share it.
    using Workers = async::WorkerPool<SqliteFile>;

    SqliteTable(SqlLookup lookup, std::shared_ptr<Workers> workers)
        : lookup_(std::move(lookup)), workers_(std::move(workers)) {}

    const std::string& Name() const override { return lookup_.Name(); }
    async::Task<std::optional<std::string>> Find(std::string_view key) override;
    const void* Server() const override { return workers_.get(); }
    async::Task<std::vector<Outcome>> FindTogether(std::vector<Question> questions) override;

private:
    async::Task<SqlLookup::Values> Run(std::string key);

    SqlLookup lookup_;
    std::shared_ptr<Workers> workers_;
};

}  // namespace policyd::tables
