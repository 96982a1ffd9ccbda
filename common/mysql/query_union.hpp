#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/mysql/query.hpp"

namespace policyd::mysql {

/// A query in a statement that is several: each row of that has a number, and behind it the columns
/// of all queries that differ, NULL but for those of its own part.
struct UnionQuery {
    std::string_view text;
    unsigned columns_before;  ///< its own, with the number
    unsigned columns_to;      ///< the end of its own
};

/// What gives a row its number: a query, or several that HaveTheSameRows().
using UnionPart = std::vector<UnionQuery>;

/// Whether a query that begins with SELECT and has neither comments nor several statements gives
/// the same rows in the same order as a part of a larger one.
bool CanBePartOfUnion(std::string_view query);

/// Whether two such queries give columns of the same rows if their parameters are equal.
bool HaveTheSameRows(std::string_view query, std::string_view other);

/// The statement, each of whose rows has so many columns.
std::string UnionOf(std::span<const UnionPart> parts, unsigned columns);

/// A statement that is as many of several queries as can be.
struct UnionPlan {
    struct Place {
        std::size_t query;
        unsigned first_column, end_column;  ///< as the client library counts, from 1
    };

    std::string text;                          ///< empty: there are no two that go together
    unsigned columns = 1;                      ///< of its rows
    std::vector<std::vector<Place>> places{};  ///< of what a row with this number holds
    std::vector<std::size_t> alone{};          ///< the queries that are to be asked beside it
};

/// `columns_of` tells how many columns a query gives, or nothing if it can only be asked as text.
UnionPlan PlanUnion(
    std::span<const Query> queries,
    const std::function<std::optional<unsigned>(const std::string& query)>& columns_of);

}  // namespace policyd::mysql
