#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/async/worker_pool.hpp"
#include "common/outage/back_end.hpp"
#include "common/tables/lookup_table.hpp"
#include "common/tables/sql_lookup.hpp"
#include "common/tables/sqlite_file.hpp"

namespace policyd::tables {

/// `sqlite:/path.cf`: sqlite_table(5). Looked up on a worker thread.
class SqliteTable final : public LookupTable {
public:
    /// A database file, and the one thread that reads it. Tables of the same file share it.
    struct File {
        async::WorkerPool<SqliteFile> worker;
        outage::BackEnd back_end;
    };

    SqliteTable(SqlLookup lookup, std::shared_ptr<File> file)
        : lookup_(std::move(lookup)), file_(std::move(file)) {}

    const std::string& Name() const override { return lookup_.Name(); }
    async::Task<std::optional<std::string>> Find(std::string_view key) override;
    async::Task<void> Try() override;
    const void* Server() const override { return file_.get(); }
    async::Task<std::vector<Outcome>> FindTogether(std::vector<Question> questions) override;

private:
    async::Task<SqlLookup::Values> ValuesOf(std::string key);
    /// What `search`, which takes the file, returns. Throws outage::TableUnavailable.
    template <typename Search>
    async::Task<std::invoke_result_t<Search&, SqliteFile&>> Run(Search search);

    SqlLookup lookup_;
    std::shared_ptr<File> file_;
};

}  // namespace policyd::tables
