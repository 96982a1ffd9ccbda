#include "common/tables/texthash_table.hpp"

#include "common/tables/key_rules.hpp"
#include "common/tables/logical_lines.hpp"
#include "common/tables/quoted_word.hpp"
#include "common/text/ascii.hpp"
#include "common/text/unicode.hpp"

namespace policyd::tables {

TexthashRows ReadTexthash(const std::string& path, const WarningSink& warn, ReadAs reader) {
    TexthashRows rows;
    const std::string content = ReadTableFile(path);
    LogicalLines lines(path, content, warn);
    while (const auto line = lines.Next()) {
        const std::string place = path + ":" + std::to_string(line->first) + ": ";
        if (reader != ReadAs::kProxymap && !text::IsValidUtf8(line->text)) {
            warn(place + "ignored, for it is not UTF-8: \"" + text::EscapedForLog(line->text) +
                 "\"");
            continue;
        }
        const std::string_view text = line->text.c_str();
        const QuotedWord key = TakeQuotedWord(text);
        const std::string_view value = text::Trim(text.substr(key.word.size()));
        if (!key.quotes_match) {
            warn(place + "ignored, for its double quotes do not match: \"" +
                 text::EscapedForLog(line->text) + "\"");
            continue;
        }
        if (value.empty()) {
            warn(place + "ignored, for there must be a key, a blank and a value");
            continue;
        }
        if (key.word.back() == ':')
            warn(place + "the key ends in ':'; is this an aliases(5) file?");
        const std::string folded = text::FoldCase(key.word);
        if (!FoldsStoredKeys(reader) && folded != key.word) {
            warn(place + "nothing is found by the key \"" + text::EscapedForLog(key.word) +
                 "\" behind proxy:, in a list of domains or by virtual(8): write \"" +
                 text::EscapedForLog(folded) + "\"");
        }
        const std::string stored = FoldsStoredKeys(reader) ? folded : std::string(key.word);
        if (rows.values.emplace(stored, value).second) continue;
        const std::string again = place + "there is an earlier line with the key \"" +
                                  text::EscapedForLog(key.word) + "\"";
        if (reader == ReadAs::kPostmap) {
            warn(again + "; ignored here, but Postfix's daemons and policyd do not use the file");
            continue;
        }
        rows.mistake = again;
        warn(again + ": as for Postfix, no look-up in the file can be answered");
        break;
    }
    return rows;
}

std::optional<std::string> TexthashTable::FindNow(std::string_view key) const {
    const std::optional<std::string> folded = FoldedKey(key);
    if (!folded) return std::nullopt;
    if (!rows_->mistake.empty()) throw outage::TableUnavailable(name_ + ": " + rows_->mistake);
    const auto found = rows_->values.find(*folded);
    if (found == rows_->values.end()) return std::nullopt;
    return CheckedValue(found->second, name_, key);
}

}  // namespace policyd::tables
