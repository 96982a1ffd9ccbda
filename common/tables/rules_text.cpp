#include "common/tables/rules_text.hpp"

#include "common/config/config_error.hpp"
#include "common/tables/logical_lines.hpp"
#include "common/tables/table_list.hpp"
#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"

namespace policyd::tables {

namespace {

/// What is between the braces that `text` begins and ends with; throws where it does not.
std::string_view WithinBraces(std::string_view text, std::string_view type,
                              const std::string& name) {
    const std::size_t length = BalancedBraces(text);
    if (length == 0 || length != text.size())
        throw config::ConfigError("\"" + std::string(type) + ":" + text::EscapedForLog(name) +
                                  "\": the braces do not match: write " + std::string(type) +
                                  ":{ {rule} {rule} }");
    return text.substr(1, length - 2);
}

}  // namespace

std::string RulesText(std::string_view type, const std::string& name) {
    if (!IsInlineRules(name)) return ReadTableFile(name);
    std::string lines;
    for (const std::string& rule : SplitTableList(WithinBraces(name, type, name)))
        lines.append(text::Trim(WithinBraces(rule, type, name))) += '\n';
    return lines;
}

}  // namespace policyd::tables
