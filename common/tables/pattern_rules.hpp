#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/tables/pattern.hpp"
#include "common/tables/replacement.hpp"
#include "common/tables/warning_sink.hpp"

namespace policyd::tables {

/// Whether results may have parts of the key in them: Postfix does not allow it where whoever sends
/// a message would have a say in what is done with it.
enum class Substitution {
    kAllowed,
    kForbiddenToVirtual,     ///< virtual(8), which makes paths of them
    kForbiddenInTransports,  ///< transport_maps
};

/// A line of a regexp: or pcre: table.
struct PatternRule {
    struct Condition {
        PatternText text;
        bool is_negated = false;
    };

    std::size_t line = 0;
    std::vector<Condition> conditions;  ///< all of them must hold; the first has the groups
    bool is_block = false;              ///< an "if", which has no result
    std::size_t behind = 0;             ///< its "endif": where to go on if the condition fails
    Replacement result{""};
};

/// The rules of a table, in its order. Those that Postfix skips are left out.
using PatternRules = std::vector<PatternRule>;

/// Turns the lines of a regexp: or pcre: table into rules.
class PatternParser {
public:
    /// `warn` outlives the parser.
    PatternParser(PatternSyntax syntax, Substitution substitution, std::string path,
                  const WarningSink& warn)
        : syntax_(syntax), substitution_(substitution), path_(std::move(path)), warn_(warn) {}

    void AddLine(std::string_view line, std::size_t number);
    /// Warns of blocks that nothing ended: they reach to the end of the table.
    PatternRules Finish();

private:
    void BeginBlock(std::string_view pattern, std::size_t number);
    void EndBlock(std::string_view rest, std::size_t number);
    void AddRule(std::string_view line, std::size_t number);
    PatternRule::Condition TakeCondition(std::string_view& text, std::size_t number) const;
    std::unique_ptr<Pattern> Compiled(const PatternRule::Condition& condition,
                                      bool needs_groups) const;
    void Warn(std::size_t line, const std::string& text) const;

    const PatternSyntax syntax_;
    const Substitution substitution_;
    const std::string path_;
    const WarningSink& warn_;
    PatternRules rules_;
    std::vector<std::size_t> open_blocks_;  // the places of their rules
};

}  // namespace policyd::tables
