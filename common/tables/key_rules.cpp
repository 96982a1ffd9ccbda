#include "common/tables/key_rules.hpp"

#include "common/outage/unavailable.hpp"
#include "common/text/fold_case.hpp"
#include "common/text/utf8.hpp"

namespace policyd::tables {

bool IsKey(std::string_view key) {
    return text::IsValidUtf8(key) && key.find('\0') == std::string_view::npos;
}

std::optional<std::string> FoldedKey(std::string_view key) {
    if (!IsKey(key)) return std::nullopt;
    return text::FoldCase(key);
}

std::string CheckedValue(std::string value, std::string_view table, std::string_view key) {
    if (!text::IsValidUtf8(value)) {
        throw outage::TableUnavailable(std::string(table) + ": the value of \"" +
                                       text::EscapedForLog(key) + "\" is not UTF-8: \"" +
                                       text::EscapedForLog(value) + "\"");
    }
    return value;
}

}  // namespace policyd::tables
