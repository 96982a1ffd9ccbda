#include "common/tables/cidr_table.hpp"

#include "common/tables/cidr_parser.hpp"
#include "common/tables/key_rules.hpp"
#include "common/tables/logical_lines.hpp"
#include "common/tables/rules_text.hpp"

namespace policyd::tables {

CidrRules ReadCidr(const std::string& path, const WarningSink& warn) {
    const std::string content = RulesText("cidr", path);
    CidrRules rules(CountPhysicalLines(content));
    LogicalLines lines(path, content, warn);
    CidrParser parser(path, rules, warn);
    while (const auto line = lines.Next()) parser.AddLine(line->UpToZeroByte(), line->first);
    parser.Finish();
    rules.Finish();
    return rules;
}

std::optional<std::string> CidrTable::FindNow(std::string_view key) const {
    const std::optional<Address> address = ParseAddress(key);
    if (!address) return std::nullopt;
    const std::string* value = rules_->Find(*address);
    if (value == nullptr) return std::nullopt;
    return CheckedValue(*value, name_, key);
}

void CidrTable::ForEachValue(const Visit& visit) const {
    for (const std::string& value : rules_->Values()) visit(value);
}

void CidrTable::ForEachKey(const Visit& visit) const {
    rules_->ForEachPrefix([&visit](const AddressPrefix& prefix) { visit(ToText(prefix)); });
}

}  // namespace policyd::tables
