#include "common/tables/texthash_table.hpp"

#include "common/tables/key_rules.hpp"
#include "common/tables/logical_lines.hpp"
#include "common/tables/quoted_word.hpp"
#include "common/text/ascii.hpp"
#include "common/text/unicode.hpp"

namespace policyd::tables {

TexthashRows ReadTexthash(const std::string& path, const WarningSink& warn, KeyFolding folding) {
    TexthashRows rows;
    const std::string content = ReadTableFile(path);
    LogicalLines lines(path, content, warn);
    while (const auto line = lines.Next()) {
        const auto warn_of_line = [&](const std::string& what) {
            warn(path + ":" + std::to_string(line->first) + ": " + what);
        };
        if (!text::IsValidUtf8(line->text)) {
            warn_of_line("ignored, for it is not UTF-8: \"" + text::EscapedForLog(line->text) +
                         "\"");
            continue;
        }
        const std::string_view text = line->text.c_str();
        const QuotedWord key = TakeQuotedWord(text);
        const std::string_view value = text::Trim(text.substr(key.word.size()));
        if (!key.quotes_match) {
            warn_of_line("ignored, for its double quotes do not match: \"" +
                         text::EscapedForLog(line->text) + "\"");
            continue;
        }
        if (value.empty()) {
            warn_of_line("ignored, for there must be a key, a blank and a value");
            continue;
        }
        if (key.word.back() == ':')
            warn_of_line("the key ends in ':'; is this an aliases(5) file?");
        const bool folds = folding == KeyFolding::kFolded;
        const std::string stored = folds ? text::FoldCase(key.word) : std::string(key.word);
        if (!rows.emplace(stored, value).second) {
            warn_of_line("ignored, for there is an earlier line with the key \"" +
                         text::EscapedForLog(key.word) + "\"");
        }
    }
    return rows;
}

async::Task<std::optional<std::string>> TexthashTable::Find(std::string_view key) {
    const std::optional<std::string> folded = FoldedKey(key);
    if (!folded) co_return std::nullopt;
    const auto found = rows_->find(*folded);
    if (found == rows_->end()) co_return std::nullopt;
    co_return found->second;
}

}  // namespace policyd::tables
