#include "common/tables/row_cache.hpp"

namespace policyd::tables {

namespace {

async::Task<RowCache::Row> Remembered(RowCache::Cache& cache, std::string_view key) {
    const RowCache::Cache::Given row = co_await cache.Get(key);
    co_return *row;
}

}  // namespace

async::Task<RowCache::Row> RowCache::Find(LookupTable& table, std::string_view key) {
    if (table.Server() == nullptr) return table.Find(key);
    Cache& cache = Of(table);
    if (const Row* row = cache.AtHand(key)) return async::Task<Row>::Of(*row);
    return Remembered(cache, key);
}

RowCache::Cache& RowCache::Of(LookupTable& table) {
    std::unique_ptr<Cache>& cache = caches_[&table];
    if (!cache) {
        const auto fresh = [times = times_](const Row& row) {
            return row ? times.found : times.not_found;
        };
        const auto load = [&table](const std::string& key) { return table.Find(key); };
        cache =
            std::make_unique<Cache>(times_.most, std::chrono::milliseconds(0), clock_, fresh, load);
    }
    return *cache;
}

void RowCache::Clear() {
    for (const auto& [table, cache] : caches_) cache->Clear();
}

}  // namespace policyd::tables
