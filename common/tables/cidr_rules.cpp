#include "common/tables/cidr_rules.hpp"

#include <algorithm>
#include <bit>

#include "common/tables/big_pages.hpp"

namespace policyd::tables {

namespace {

/// Networks differ in few bits, anywhere but at the end: all of them must reach the lowest ones
/// (the finalizer of MurmurHash3).
std::uint64_t HashOf(const AddressBits& bits) {
    std::uint64_t hash = bits.high ^ std::rotl(bits.low, 32);
    hash = (hash ^ hash >> 33) * 0xff51'afd7'ed55'8ccd;
    hash = (hash ^ hash >> 33) * 0xc4ce'b9fe'1a85'ec53;
    return hash ^ hash >> 33;
}

}  // namespace

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
    if (number == levels_.size()) levels_.push_back({prefix.family, prefix.length, 0, {}, {}});
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
        level.Index();
    }
    added_ = {};
    value_numbers_.clear();
}

void CidrRules::Level::Index() {
    ReserveInBigPages(ends, std::bit_ceil(2 * entries.size()));
    ends.resize(ends.capacity());
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (i > 0 && entries[i].bits == entries[i - 1].bits) continue;
        std::size_t place = HashOf(entries[i].bits) & (ends.size() - 1);
        while (ends[place] != 0) place = (place + 1) & (ends.size() - 1);
        ends[place] = static_cast<std::uint32_t>(i + 1);
    }
}

/// The place of the first entry with these bits; past the end if there is none.
std::size_t CidrRules::Level::FirstWith(const AddressBits& bits) const {
    std::size_t place = HashOf(bits) & (ends.size() - 1);
    for (; ends[place] != 0; place = (place + 1) & (ends.size() - 1))
        if (entries[ends[place] - 1].bits == bits) return ends[place] - 1;
    return entries.size();
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
        for (std::size_t i = level.FirstWith(bits); i < level.entries.size(); ++i) {
            const Entry& entry = level.entries[i];
            if (entry.bits != bits || entry.rule >= best) break;
            if (Applies(rules_[entry.rule], address)) best = entry.rule;
        }
    }
    return best < rules_.size() ? &values_[rules_[best].value] : nullptr;
}

}  // namespace policyd::tables
