#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace policyd::tables {

/// As which of Postfix's programs a texthash: or inline: table is read: they open it with flags of
/// their own, and so make different tables of the same text. Look-up keys are folded by all.
enum class ReadAs {
    kDaemon,    ///< smtpd and most others: keys are folded, one key twice spoils a texthash: file
    kUnfolded,  ///< in lists of domains, and virtual(8) always: keys stay as they are written
    kProxymap,  ///< behind proxy: as kUnfolded, and lines that are not UTF-8 are read, too
    kPostmap,   ///< postmap -q: as kDaemon, but the first line with a key holds
    kCompiled,  ///< hash: and its like, which postmap has made of the text
    kAliases,   ///< the same, made by postalias of aliases(5)
};

inline bool FoldsStoredKeys(ReadAs reader) {
    return reader != ReadAs::kUnfolded && reader != ReadAs::kProxymap;
}

/// Whether Postfix looks for such a key at all: what is not valid UTF-8 or has a zero byte is found
/// in no table.
bool IsKey(std::string_view key);

/// A look-up key as Postfix hands it to a table (dict_utf8(3)): case-folded; nothing where it
/// is none.
std::optional<std::string> FoldedKey(std::string_view key);

/// `value` itself. Throws outage::TableUnavailable where it is not valid UTF-8, which Postfix takes
/// for a mistake in the table. `table` and `key` are for the message.
std::string CheckedValue(std::string value, std::string_view table, std::string_view key);

}  // namespace policyd::tables
