#include "common/tables/inline_table.hpp"

#include "common/config/config_error.hpp"
#include "common/tables/key_rules.hpp"
#include "common/tables/quoted_word.hpp"
#include "common/tables/table_list.hpp"
#include "common/text/ascii.hpp"
#include "common/text/fold_case.hpp"
#include "common/text/utf8.hpp"

namespace policyd::tables {

InlineTable::InlineTable(std::string_view definition, ReadAs reader)
    : name_("inline:" + std::string(definition)), reader_(reader) {
    if (reader != ReadAs::kProxymap && !text::IsValidUtf8(definition)) Refuse("it is not UTF-8");
    const std::size_t length = BalancedBraces(definition);
    if (length == 0 || length != definition.size()) Refuse("the braces do not match");
    for (const std::string& entry : SplitTableList(definition.substr(1, length - 2))) Add(entry);
    if (values_.empty()) Refuse("it has no entries");
}

void InlineTable::Add(std::string_view entry) {
    if (entry[0] == '{') {
        const std::size_t length = BalancedBraces(entry);
        if (length != entry.size()) Refuse("something follows the '}' of an entry");
        entry = entry.substr(1, length - 2);
    }
    entry = text::Trim(entry);
    if (entry.empty()) Refuse("an entry is empty");
    const QuotedWord key = TakeQuotedWord(entry, "=");
    if (!key.quotes_match) Refuse("the double quotes of an entry do not match");
    const std::string_view rest = text::Trim(entry.substr(key.word.size()));
    if (rest.empty() || rest[0] != '=')
        Refuse("\"" + std::string(key.word) + "\" is not followed by '='");
    values_[FoldsStoredKeys(reader_) ? text::FoldCase(key.word) : std::string(key.word)] =
        text::Trim(rest.substr(1));
}

void InlineTable::Refuse(const std::string& why) const {
    throw config::ConfigError(text::EscapedForLog(name_) + ": " + why +
                              "; write inline:{key=value, {key = value with blanks}}");
}

std::optional<std::string> InlineTable::FindNow(std::string_view key) const {
    const std::optional<std::string> folded = FoldedKey(key);
    if (!folded) return std::nullopt;
    const auto found = values_.find(*folded);
    if (found == values_.end()) return std::nullopt;
    return CheckedValue(found->second, name_, key);
}

void InlineTable::ForEachValue(const Visit& visit) const {
    for (const auto& [key, value] : values_) visit(value);
}

void InlineTable::ForEachKey(const Visit& visit) const {
    for (const auto& [key, value] : values_) visit(key);
}

}  // namespace policyd::tables
