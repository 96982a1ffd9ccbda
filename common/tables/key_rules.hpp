#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace policyd::tables {

/// What is done about the case of the keys in a table that is read into memory. Of all parameters
/// virtual_mailbox_maps alone, in virtual(8), looks up folded keys among keys as they are written.
enum class KeyFolding { kFolded, kAsWritten };

/// A look-up key as Postfix hands it to a table (dict_utf8(3)): case-folded; nothing where it is
/// not valid UTF-8 or has a zero byte, which is found in no table.
std::optional<std::string> FoldedKey(std::string_view key);

/// `value` itself. Throws outage::TableUnavailable where it is not valid UTF-8, which Postfix takes
/// for a mistake in the table. `table` and `key` are for the message.
std::string CheckedValue(std::string value, std::string_view table, std::string_view key);

}  // namespace policyd::tables
