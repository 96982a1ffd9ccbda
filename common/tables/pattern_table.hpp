#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/tables/lookup_table.hpp"
#include "common/tables/pattern_rules.hpp"

namespace policyd::tables {

/// Reads the rules of `name`, as RulesText() has it. Those that Postfix skips are skipped with a
/// warning. Throws config::ConfigError.
PatternRules ReadPatterns(PatternSyntax syntax, Substitution substitution, const std::string& name,
                          const WarningSink& warn);

/// `regexp:/path` or `pcre:/path`, regexp_table(5), pcre_table(5): the first rule whose pattern
/// matches the key holds. Belongs to one thread.
class PatternTable final : public MemoryTable {
public:
    /// `name` is as in main.cf. Compiles the rules, which its like of other threads share.
    PatternTable(std::string name, PatternSyntax syntax, std::shared_ptr<const PatternRules> rules);

    const std::string& Name() const override { return name_; }
    /// Keys are not folded: most patterns do not look at case. Throws outage::TableUnavailable
    /// where the library cannot tell whether a pattern matches.
    std::optional<std::string> FindNow(std::string_view key) const override;
    /// As they are written: with $1 and its like.
    void ForEachValue(const Visit& visit) const override;
    /// The expressions.
    void ForEachKey(const Visit& visit) const override;
    bool TakesPartialKeys() const override { return false; }

private:
    using Patterns = std::vector<std::unique_ptr<Pattern>>;

    bool Holds(std::size_t rule, const std::string& key) const;

    const std::string name_;
    const std::shared_ptr<const PatternRules> rules_;
    std::vector<Patterns> compiled_;  // of the conditions of each rule
};

}  // namespace policyd::tables
