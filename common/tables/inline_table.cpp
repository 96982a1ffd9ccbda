#include "common/tables/inline_table.hpp"

#include <algorithm>

#include "common/config/config_error.hpp"
#include "common/tables/key_rules.hpp"
#include "common/tables/table_list.hpp"
#include "common/text/ascii.hpp"
#include "common/text/unicode.hpp"

namespace policyd::tables {

InlineTable::InlineTable(std::string_view definition) : name_("inline:" + std::string(definition)) {
    if (!text::IsValidUtf8(definition)) Refuse("it is not UTF-8");
    const std::size_t length = BalancedBraces(definition);
    if (length == 0 || length != definition.size()) Refuse("the braces do not match");
    for (const std::string& entry : SplitTableList(definition.substr(1, length - 2))) Add(entry);
    if (values_.empty()) Refuse("it has no entries");
}

void InlineTable::Add(std::string_view entry) {
    if (entry[0] == '{') {
        const std::size_t length = BalancedBraces(entry);
        if (length != entry.size()) Refuse("something follows the '}' of an entry");
        entry = text::Trim(entry.substr(1, length - 2));
    }
    const std::size_t equals = entry.find('=');
    const std::string_view key = text::Trim(entry.substr(0, equals));
    if (key.empty()) Refuse("an entry has no key");
    const bool key_has_blanks = std::any_of(key.begin(), key.end(), text::IsBlank);
    if (equals == std::string_view::npos || key_has_blanks)
        Refuse("\"" + std::string(key) + "\" is not followed by '='");
    values_[text::FoldCase(key)] = text::Trim(entry.substr(equals + 1));
}

void InlineTable::Refuse(const std::string& why) const {
    throw config::ConfigError(text::EscapedForLog(name_) + ": " + why +
                              "; write inline:{key=value, {key = value with blanks}}");
}

async::Task<std::optional<std::string>> InlineTable::Find(std::string_view key) {
    const std::optional<std::string> folded = FoldedKey(key);
    if (!folded) co_return std::nullopt;
    const auto found = values_.find(*folded);
    if (found == values_.end()) co_return std::nullopt;
    co_return found->second;
}

}  // namespace policyd::tables
