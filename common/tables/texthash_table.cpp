#include "common/tables/texthash_table.hpp"

#include "common/tables/key_rules.hpp"
#include "common/tables/logical_lines.hpp"
#include "common/tables/quoted_word.hpp"
#include "common/text/ascii.hpp"
#include "common/text/fold_case.hpp"
#include "common/text/utf8.hpp"

namespace policyd::tables {

namespace {

/// Adds the lines of a file, of which there may be millions: what is only for a warning is made
/// only for one.
class Reader {
public:
    Reader(const std::string& path, const WarningSink& warn, ReadAs reader, TexthashRows& rows)
        : path_(path), warn_(warn), reader_(reader), rows_(rows) {}

    /// False where it is the last that is read.
    bool Add(const LogicalLines::Line& line) {
        // Postfix looks whether all is ASCII up to a zero byte, and if not, at what is UTF-8 behind
        // it as well.
        if (!text::IsAscii(line.UpToZeroByte()) && !text::IsValidUtf8(line.text)) {
            rows_.is_the_same_to_all = false;
            if (reader_ != ReadAs::kProxymap) return Ignore(line, "it is not UTF-8: ", line.text);
        }
        const std::string_view text = line.UpToZeroByte();
        if (reader_ == ReadAs::kAliases) return AddAlias(line, text);
        const QuotedWord key = TakeQuotedWord(text);
        const std::string_view value = text::Trim(text.substr(key.word.size()));
        if (!key.quotes_match) return Ignore(line, "its double quotes do not match: ", line.text);
        if (value.empty()) {
            Warn(line, "ignored, for there must be a key, a blank and a value");
            return true;
        }
        if (key.word.back() == ':') Warn(line, "the key ends in ':'; is this an aliases(5) file?");
        if (rows_.values.Add(Stored(line, key.word), value)) return true;
        return AddAgain(line, key.word);
    }

private:
    void Warn(const LogicalLines::Line& line, const std::string& text) const {
        warn_(path_ + ":" + std::to_string(line.first) + ": " + text);
    }

    bool Ignore(const LogicalLines::Line& line, const char* why, std::string_view shown) const {
        Warn(line, std::string("ignored, for ") + why + '"' + text::EscapedForLog(shown) + '"');
        return true;
    }

    /// The key as this reader keeps it; good until the next one.
    std::string_view Stored(const LogicalLines::Line& line, std::string_view key) {
        if (text::IsFoldedAscii(key)) return key;
        folded_ = text::FoldCase(key);
        if (folded_ == key) return key;
        rows_.is_the_same_to_all = false;
        if (FoldsStoredKeys(reader_)) return folded_;
        Warn(line, "nothing is found by the key \"" + text::EscapedForLog(key) +
                       "\" behind proxy:, in a list of domains or by virtual(8): write \"" +
                       text::EscapedForLog(folded_) + "\"");
        return key;
    }

    /// As postalias(1) does it: "name: value", where the name may have quotes.
    bool AddAlias(const LogicalLines::Line& line, std::string_view text) {
        std::string name;
        bool is_quoted = false;
        bool is_local = true;
        std::size_t at = 0;
        for (; at < text.size() && (is_quoted || text[at] != ':'); ++at) {
            if (text[at] == '"') {
                is_quoted = !is_quoted;
                continue;
            }
            if (text[at] == '\\' && at + 1 < text.size()) ++at;
            is_local &= is_quoted || (text[at] != '@' && text[at] != '%');
            name += text[at];
        }
        const std::string_view key = text::Trim(name);
        const std::string_view value = text::Trim(text.substr(std::min(at + 1, text.size())));
        if (key.empty() || value.empty())
            return Ignore(line, "an alias needs a name, a colon and a value: ", line.text);
        if (!is_local) return Ignore(line, "the name of an alias must be local: ", line.text);
        if (rows_.values.Add(Stored(line, key), value)) return true;
        return AddAgain(line, key);
    }

    bool AddAgain(const LogicalLines::Line& line, std::string_view key) {
        rows_.is_the_same_to_all = false;
        const std::string again =
            "there is an earlier line with the key \"" + text::EscapedForLog(key) + "\"";
        if (reader_ == ReadAs::kCompiled || reader_ == ReadAs::kAliases) {
            Warn(line, again + "; ignored, as by postmap");
            return true;
        }
        if (reader_ == ReadAs::kPostmap) {
            Warn(line, again +
                           "; ignored here, but Postfix's daemons and policyd do not use the "
                           "file");
            return true;
        }
        rows_.mistake = path_ + ":" + std::to_string(line.first) + ": " + again;
        warn_(rows_.mistake + ": as for Postfix, no look-up in the file can be answered");
        return false;
    }

    const std::string& path_;
    const WarningSink& warn_;
    const ReadAs reader_;
    TexthashRows& rows_;
    std::string folded_;
};

}  // namespace

TexthashRows ReadTexthash(const std::string& path, const WarningSink& warn, ReadAs reader) {
    const std::string content = ReadTableFile(path);
    TexthashRows rows;
    rows.values = PackedRows(CountPhysicalLines(content), content.size());
    LogicalLines lines(path, content, warn);
    Reader add(path, warn, reader, rows);
    while (const auto line = lines.Next())
        if (!add.Add(*line)) break;
    return rows;
}

std::optional<std::string> FindInTexthash(const TexthashRows& rows, const std::string& name,
                                          std::string_view key) {
    const std::optional<std::string> folded = FoldedKey(key);
    if (!folded) return std::nullopt;
    if (!rows.mistake.empty()) throw outage::TableUnavailable(name + ": " + rows.mistake);
    const std::optional<std::string_view> value = rows.values.Find(*folded);
    if (!value) return std::nullopt;
    return CheckedValue(std::string(*value), name, key);
}

std::optional<std::string> TexthashTable::FindNow(std::string_view key) const {
    return FindInTexthash(*rows_, name_, key);
}

void TexthashTable::ForEachValue(const Visit& visit) const {
    rows_->values.ForEachValue(visit);
}

void TexthashTable::ForEachKey(const Visit& visit) const {
    rows_->values.ForEachKey(visit);
}

}  // namespace policyd::tables
