#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/tables/address_prefix.hpp"

namespace policyd::tables {

/// When a rule applies: the address lies in one network and in none of some others. The rules of a
/// cidr: table with the if-blocks around them all come down to this.
struct CidrCondition {
    AddressPrefix inside;
    std::vector<AddressPrefix> outside;
};

/// Rules in the order of their file, of which the first that applies holds. Searched by prefix: two
/// places in memory are touched for each prefix length that occurs, however many rules there are.
/// Made by one thread; from Finish() on read by any.
class CidrRules {
public:
    /// Room for that many rules; more may be added.
    explicit CidrRules(std::size_t rules = 0);

    void Add(CidrCondition condition, std::string_view value);

    /// After the last Add(), before the first Find().
    void Finish();

    /// The value of the first rule that applies; null if none does.
    const std::string* Find(const Address& address) const;

    std::size_t Size() const noexcept { return rules_.size(); }
    /// Each once.
    const std::vector<std::string>& Values() const noexcept { return values_; }
    /// What the rules apply to at most, in no order.
    template <typename Visit>
    void ForEachPrefix(const Visit& visit) const {
        for (const Level& level : levels_)
            for (const Entry& entry : level.entries)
                visit(AddressPrefix{level.family, level.length, entry.bits});
    }

private:
    struct Entry {
        AddressBits bits;
        std::uint32_t rule = 0;  ///< its place in the order

        auto operator<=>(const Entry&) const = default;
    };
    struct Rule {
        std::uint32_t value = 0;       ///< index in values_
        std::uint32_t exceptions = 0;  ///< index in exceptions_
    };
    struct Level {
        Family family = Family::kIpv4;
        std::uint8_t length = 0;
        std::size_t size = 0;        ///< of `entries`, which Finish() makes
        std::vector<Entry> entries;  ///< sorted by bits, then by rule
        /// By the hash of the bits, the place behind the first of their entries; 0: there is none.
        std::vector<std::uint32_t> ends;

        void Index();
        std::size_t FirstWith(const AddressBits& bits) const;
    };
    /// A rule's condition before Finish(), in the order of the rules.
    struct Added {
        AddressBits bits;
        std::uint32_t level = 0;  ///< index in levels_
    };

    std::uint32_t NumberOf(std::string_view value);
    std::uint32_t LevelOf(const AddressPrefix& prefix);
    bool Applies(const Rule& rule, const Address& address) const;

    std::vector<Rule> rules_;
    std::vector<Added> added_;  ///< empty after Finish()
    std::vector<Level> levels_;
    std::vector<std::string> values_;  ///< each once: a million rules share a few of them
    std::unordered_map<std::string, std::uint32_t> value_numbers_;  ///< empty after Finish()
    std::vector<std::vector<AddressPrefix>> exceptions_{{}};
};

}  // namespace policyd::tables
