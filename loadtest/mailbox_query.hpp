#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "loadtest/name_list.hpp"

namespace policyd::loadtest {

/// True for `mysql:PATH` and `sqlite:PATH`.
bool IsDatabase(std::string_view source);

/// Throws std::invalid_argument, with what would be one, for what is no source of recipients.
void CheckRecipientSource(std::string_view source);

/// The mailboxes of a data base: what `query` selects, in whatever column. PATH is a table file of
/// Postfix, mysql_table(5) or sqlite_table(5), for its connection; its own query looks up one
/// address and is not used. Throws std::runtime_error.
std::vector<NameList::Line> ReadMailboxes(std::string_view source, const std::string& query);

}  // namespace policyd::loadtest
