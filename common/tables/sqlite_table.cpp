#include "common/tables/sqlite_table.hpp"

#include "common/outage/unavailable.hpp"

namespace policyd::tables {

async::Task<std::optional<std::string>> SqliteTable::Find(std::string_view key) {
    const std::optional<std::string> search_key = co_await lookup_.SearchKey(key);
    if (!search_key) co_return std::nullopt;
    const SqlLookup::Values values = co_await Run(*search_key);
    co_return lookup_.Combine(values, *search_key);
}

async::Task<SqlLookup::Values> SqliteTable::Run(std::string key) {
    auto search = [&query = lookup_.Query(), key = std::move(key)](SqliteFile& file) {
        return file.FirstColumns(query, key);
    };
    try {
        auto call = workers_->Run(std::move(search));
        co_return co_await call;
    } catch (const std::runtime_error& failure) {
        throw outage::TableUnavailable(lookup_.Name() + ": " + failure.what());
    }
}

}  // namespace policyd::tables
