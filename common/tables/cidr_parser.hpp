#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/tables/cidr_rules.hpp"
#include "common/tables/warning_sink.hpp"

namespace policyd::tables {

/// Turns the lines of a cidr: file into rules, keeping track of the if-blocks around them.
class CidrParser {
public:
    /// `rules` and `warn` outlive the parser.
    CidrParser(std::string path, CidrRules& rules, const WarningSink& warn)
        : path_(std::move(path)), rules_(rules), warn_(warn) {}

    void AddLine(std::string_view line, std::size_t number);
    /// Warns of blocks that nothing ended: they reach to the end of the file.
    void Finish();

private:
    /// What may follow in a block, seen from outside all of them.
    struct Block {
        std::size_t line = 0;
        bool is_reachable = true;                ///< false if no address can meet all conditions
        std::optional<CidrCondition> condition;  ///< nothing: any address of either family
    };
    struct Pattern {
        AddressPrefix prefix;
        bool negated = false;
    };

    void BeginBlock(std::string_view pattern, std::size_t number);
    void EndBlock(std::string_view rest);
    void AddRule(std::string_view line);
    static Pattern ParsePattern(std::string_view text);
    Block Narrowed(const Pattern& pattern) const;

    std::string path_;
    CidrRules& rules_;
    const WarningSink& warn_;
    std::vector<Block> blocks_{Block{}};
};

}  // namespace policyd::tables
