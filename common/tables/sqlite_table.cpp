#include "common/tables/sqlite_table.hpp"

#include "common/outage/unavailable.hpp"
#include "common/tables/sql_group.hpp"

namespace policyd::tables {

async::Task<std::optional<std::string>> SqliteTable::Find(std::string_view key) {
    const std::optional<std::string> search_key = co_await lookup_.SearchKey(key);
    if (!search_key) co_return std::nullopt;
    const SqlLookup::Values values = co_await Run(*search_key);
    co_return lookup_.Combine(values, *search_key);
}

async::Task<std::vector<Outcome>> SqliteTable::FindTogether(std::vector<Question> questions) {
    SqlGroup group;
    for (const Question& question : questions) {
        const auto& table = static_cast<const SqliteTable&>(*question.table);
        co_await group.Add(table.lookup_, question.key);
    }
    if (group.Asked().empty()) co_return std::move(group).Outcomes();
    auto search = [asked = group.Asked()](SqliteFile& file) {
        std::vector<SqlLookup::Values> values;
        for (const SqlGroup::Member& member : asked)
            values.push_back(file.FirstColumns(member.lookup->Query(), member.key));
        return values;
    };
    try {
        auto call = workers_->Run(std::move(search));
        const std::vector<SqlLookup::Values> values = co_await call;
        group.Answer(values);
    } catch (const std::runtime_error&) {
        // One of them may be to blame; the others are answered alone.
    }
    co_return std::move(group).Outcomes();
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
