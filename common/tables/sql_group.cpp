#include "common/tables/sql_group.hpp"

#include <utility>

namespace policyd::tables {

async::Task<void> SqlGroup::Add(const SqlLookup& lookup, std::string_view key) {
    const std::size_t place = outcomes_.size();
    outcomes_.emplace_back();
    try {
        std::optional<std::string> search_key = co_await lookup.SearchKey(key);
        if (search_key) {
            asked_.push_back({&lookup, std::move(*search_key), place});
        } else {
            outcomes_[place] = std::optional<std::string>();
        }
    } catch (const outage::TableUnavailable&) {
        outcomes_[place] = std::current_exception();
    }
}

void SqlGroup::Answer(std::span<const SqlLookup::Values> values) {
    for (std::size_t i = 0; i < asked_.size(); ++i) {
        const Member& member = asked_[i];
        try {
            outcomes_[member.place] = member.lookup->Combine(values[i], member.key);
        } catch (const outage::TableUnavailable&) {
            outcomes_[member.place] = std::current_exception();
        }
    }
}

void SqlGroup::Fail(const std::exception_ptr& failure) {
    for (const Member& member : asked_) outcomes_[member.place] = failure;
}

}  // namespace policyd::tables
