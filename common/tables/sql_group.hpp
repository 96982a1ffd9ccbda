#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/tables/lookup_table.hpp"
#include "common/tables/sql_lookup.hpp"

namespace policyd::tables {

/// Several look-ups on their way to one server and back.
///
///     SqlGroup group;
///     for (const Question& question : questions) co_await group.Add(lookup, question.key);
///     … ask for each of group.Asked() …
///     group.Answer(values);
///     co_return std::move(group).Outcomes();
class SqlGroup {
public:
    struct Member {
        const SqlLookup* lookup;
        std::string key;  ///< to search for
        std::size_t place;
    };

    /// `lookup` outlives the group, `key` the returned task. What needs no asking has its outcome
    /// at once.
    async::Task<void> Add(const SqlLookup& lookup, std::string_view key);

    /// What has to be asked.
    const std::vector<Member>& Asked() const noexcept { return asked_; }

    /// The values for each of Asked().
    void Answer(std::span<const SqlLookup::Values> values);
    /// None of Asked() could be answered, and would not be if it was asked alone.
    void Fail(const std::exception_ptr& failure);

    std::vector<Outcome> Outcomes() && { return std::move(outcomes_); }

private:
    std::vector<Member> asked_;
    std::vector<Outcome> outcomes_;
};

}  // namespace policyd::tables
