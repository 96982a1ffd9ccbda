#include "common/tables/texthash_table.hpp"

#include <algorithm>

#include "common/tables/key_rules.hpp"
#include "common/tables/logical_lines.hpp"
#include "common/text/ascii.hpp"
#include "common/text/unicode.hpp"

namespace policyd::tables {

namespace {

struct Record {
    std::string_view key;
    std::string_view value;
    bool quotes_match = true;
};

/// Splits at the first blank outside double quotes and not after a backslash. The key keeps both.
Record Split(std::string_view line) {
    bool in_quotes = false;
    std::size_t end = 0;
    for (; end < line.size(); ++end) {
        if (line[end] == '\\') {
            if (++end == line.size()) break;
        } else if (line[end] == '"') {
            in_quotes = !in_quotes;
        } else if (text::IsBlank(line[end]) && !in_quotes) {
            break;
        }
    }
    return {line.substr(0, end), text::Trim(line.substr(std::min(end, line.size()))), !in_quotes};
}

}  // namespace

TexthashTable::TexthashTable(const std::string& path, const WarningSink& warn)
    : name_("texthash:" + path) {
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
        const Record record = Split(std::string_view(line->text.c_str()));
        if (!record.quotes_match) {
            warn_of_line("ignored, for its double quotes do not match: \"" +
                         text::EscapedForLog(line->text) + "\"");
            continue;
        }
        if (record.value.empty()) {
            warn_of_line("ignored, for there must be a key, a blank and a value");
            continue;
        }
        if (record.key.back() == ':')
            warn_of_line("the key ends in ':'; is this an aliases(5) file?");
        if (!values_.emplace(text::FoldCase(record.key), record.value).second) {
            warn_of_line("ignored, for there is an earlier line with the key \"" +
                         text::EscapedForLog(record.key) + "\"");
        }
    }
}

async::Task<std::optional<std::string>> TexthashTable::Find(std::string_view key) {
    const std::optional<std::string> folded = FoldedKey(key);
    if (!folded) co_return std::nullopt;
    const auto found = values_.find(*folded);
    if (found == values_.end()) co_return std::nullopt;
    co_return found->second;
}

}  // namespace policyd::tables
