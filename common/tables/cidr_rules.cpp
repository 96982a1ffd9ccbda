#include "common/tables/cidr_rules.hpp"

#include <algorithm>

#include "common/tables/big_pages.hpp"

namespace policyd::tables {

CidrRules::CidrRules(std::size_t rules) {
    ReserveInBigPages(rules_, rules);
    ReserveInBigPages(added_, rules);
}

void CidrRules::Add(CidrCondition condition, std::string_view value) {
    Rule rule{NumberOf(value), 0};
    if (!condition.outside.empty()) {
        rule.exceptions = static_cast<std::uint32_t>(exceptions_.size());
        exceptions_.push_back(std::move(condition.outside));
    }
    rules_.push_back(rule);
    added_.push_back({condition.inside.bits, LevelOf(condition.inside)});
}

std::uint32_t CidrRules::NumberOf(std::string_view value) {
    if (!rules_.empty() && values_[rules_.back().value] == value) return rules_.back().value;
    const auto [known, is_new] =
        value_numbers_.try_emplace(std::string(value), static_cast<std::uint32_t>(values_.size()));
    if (is_new) values_.emplace_back(value);
    return known->second;
}

/// The level of a prefix that one more rule has.
std::uint32_t CidrRules::LevelOf(const AddressPrefix& prefix) {
    std::uint32_t number = 0;
    for (; number < levels_.size(); ++number) {
        if (levels_[number].family == prefix.family && levels_[number].length == prefix.length)
            break;
    }
    if (number == levels_.size()) levels_.push_back({prefix.family, prefix.length, 0, {}});
    ++levels_[number].size;
    return number;
}

void CidrRules::Finish() {
    for (Level& level : levels_) ReserveInBigPages(level.entries, level.size);
    std::uint32_t rule = 0;
    for (const Added& added : added_) levels_[added.level].entries.push_back({added.bits, rule++});
    for (Level& level : levels_) {
        if (!std::is_sorted(level.entries.begin(), level.entries.end()))
            std::sort(level.entries.begin(), level.entries.end());
    }
    added_ = {};
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
