#pragma once

#include <span>
#include <string>
#include <string_view>

namespace policyd::mysql {

/// A query that is one of several in a statement: each row of that has the number of its query, and
/// behind it the columns of all queries that differ, NULL but for its own.
struct UnionPart {
    std::string_view query;
    unsigned columns_before;  ///< its own, with the number
    unsigned columns_to;      ///< the end of its own
};

/// Whether a query that begins with SELECT and has neither comments nor several statements gives
/// the same rows in the same order as a part of a larger one.
bool CanBePartOfUnion(std::string_view query);

/// The statement, each of whose rows has so many columns.
std::string UnionOf(std::span<const UnionPart> parts, unsigned columns);

}  // namespace policyd::mysql
