#pragma once

#include <chrono>
#include <memory>
#include <unordered_map>

#include "common/async/answer_cache.hpp"
#include "common/tables/table_reader.hpp"

namespace policyd::tables {

/// How long rows are remembered, and how many of each table.
struct RowCacheTimes {
    std::chrono::milliseconds found{0};
    std::chrono::milliseconds not_found{0};
    std::size_t most = 10'000;
};

/// Remembers the rows of tables that have to ask a server or read a file; for keys that come again
/// and again, such as domains and clients. Failures are not remembered. Owned by one loop thread;
/// the tables outlive it.
class RowCache final : public TableReader {
public:
    using Row = std::optional<std::string>;
    using Cache = async::AnswerCache<Row>;

    RowCache(const RowCacheTimes& times, Cache::Clock clock)
        : times_(times), clock_(std::move(clock)) {}

    async::Task<Row> Find(LookupTable& table, std::string_view key) override;

    void Clear();

private:
    Cache& Of(LookupTable& table);

    const RowCacheTimes times_;
    const Cache::Clock clock_;
    std::unordered_map<const LookupTable*, std::unique_ptr<Cache>> caches_;
};

}  // namespace policyd::tables
