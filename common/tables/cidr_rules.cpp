#include "common/tables/cidr_rules.hpp"

#include <algorithm>

namespace policyd::tables {

void CidrRules::Add(CidrCondition condition, std::string_view value) {
    const auto number = static_cast<std::uint32_t>(rules_.size());
    const auto [known, is_new] =
        value_numbers_.try_emplace(std::string(value), static_cast<std::uint32_t>(values_.size()));
    if (is_new) values_.emplace_back(value);
    Rule rule{known->second, 0};
    if (!condition.outside.empty()) {
        rule.exceptions = static_cast<std::uint32_t>(exceptions_.size());
        exceptions_.push_back(std::move(condition.outside));
    }
    rules_.push_back(rule);
    LevelOf(condition.inside).entries.push_back({condition.inside.bits, number});
}

CidrRules::Level& CidrRules::LevelOf(const AddressPrefix& prefix) {
    for (Level& level : levels_) {
        if (level.family == prefix.family && level.length == prefix.length) return level;
    }
    return levels_.emplace_back(Level{prefix.family, prefix.length, {}});
}

void CidrRules::Finish() {
    for (Level& level : levels_) {
        std::sort(level.entries.begin(), level.entries.end());
        level.entries.shrink_to_fit();
    }
    value_numbers_.clear();
}

bool CidrRules::Applies(const Rule& rule, const Address& address) const {
    const std::vector<AddressPrefix>& exceptions = exceptions_[rule.exceptions];
    return std::none_of(exceptions.begin(), exceptions.end(),
                        [&](const AddressPrefix& outside) { return outside.Contains(address); });
}

const std::string* CidrRules::Find(const Address& address) const {
    auto best = static_cast<std::uint32_t>(rules_.size());
    for (const Level& level : levels_) {
        if (level.family != address.family) continue;
        const AddressBits bits = FirstBits(address.bits, level.length);
        auto entry = std::lower_bound(level.entries.begin(), level.entries.end(), Entry{bits, 0});
        for (; entry != level.entries.end() && entry->bits == bits && entry->rule < best; ++entry) {
            if (Applies(rules_[entry->rule], address)) best = entry->rule;
        }
    }
    return best < rules_.size() ? &values_[rules_[best].value] : nullptr;
}

}  // namespace policyd::tables
