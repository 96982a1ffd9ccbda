#pragma once

#include <string>

namespace sql {
class ResultSetMetaData;
}  // namespace sql

namespace policyd::mysql {

/// Whether a prepared statement gives back columns of these types as the same text that a plain
/// query does. Throws sql::SQLException.
bool ReadsAsText(sql::ResultSetMetaData& columns);

/// What the columns are, in a form that is another where one of them has become another. Throws
/// sql::SQLException.
std::string TypesOf(sql::ResultSetMetaData& columns);

}  // namespace policyd::mysql
