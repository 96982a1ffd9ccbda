#include "common/tables/static_table.hpp"

#include "common/config/config_error.hpp"
#include "common/tables/key_rules.hpp"
#include "common/tables/table_list.hpp"
#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"

namespace policyd::tables {

StaticTable::StaticTable(std::string_view value)
    : name_("static:" + std::string(value)), value_(value) {
    if (value.starts_with('{')) {
        const std::size_t length = BalancedBraces(value);
        if (length == 0 || length != value.size())
            throw config::ConfigError(text::EscapedForLog(name_) +
                                      ": the braces do not match; write static:{value}");
        value_ = text::Trim(value.substr(1, length - 2));
    }
    if (value.empty()) throw config::ConfigError("\"static:\" has no value; write static:value");
}

std::optional<std::string> StaticTable::FindNow(std::string_view key) const {
    if (!IsKey(key)) return std::nullopt;
    return CheckedValue(value_, name_, key);
}

}  // namespace policyd::tables
