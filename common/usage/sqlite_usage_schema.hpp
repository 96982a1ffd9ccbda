#pragma once

#include "common/sqlite/database.hpp"

namespace policyd::usage {

/// Makes the tables of an SqliteUsageFile where they are missing, and brings those of an older
/// program up to date.
void BringSchemaUpToDate(sqlite::Database& database);

}  // namespace policyd::usage
