#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

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

}  // namespace policyd::mysql
