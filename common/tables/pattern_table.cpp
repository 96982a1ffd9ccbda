#include "common/tables/pattern_table.hpp"

#include <time.h>

#include <cstdint>

#include "common/tables/key_rules.hpp"
#include "common/tables/logical_lines.hpp"
#include "common/tables/rules_text.hpp"

namespace policyd::tables {

namespace {

/// Beyond it a key can be so long that many rules together take seconds for it, of which those who
/// ask meanwhile would wait for all.
constexpr std::size_t kLongKey = 128;
constexpr std::int64_t kMostForLongKeys = 100'000'000;  // nanoseconds of this thread

std::int64_t ThreadTime() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

}  // namespace

PatternRules ReadPatterns(PatternSyntax syntax, Substitution substitution, const std::string& name,
                          const WarningSink& warn) {
    const std::string type = syntax == PatternSyntax::kPerl ? "pcre" : "regexp";
    const std::string content = RulesText(type, name);
    const std::string place = IsInlineRules(name) ? type + ':' + name : name;
    LogicalLines lines(place, content, warn);
    PatternParser parser(syntax, substitution, place, warn);
    while (const auto line = lines.Next()) parser.AddLine(line->UpToZeroByte(), line->first);
    return parser.Finish();
}

PatternTable::PatternTable(std::string name, PatternSyntax syntax,
                           std::shared_ptr<const PatternRules> rules)
    : name_(std::move(name)), rules_(std::move(rules)) {
    for (const PatternRule& rule : *rules_) {
        Patterns& patterns = compiled_.emplace_back();
        for (const PatternRule::Condition& condition : rule.conditions) {
            const bool needs_groups = patterns.empty() && rule.result.HighestGroup() > 0;
            patterns.push_back(CompilePattern(syntax, condition.text, needs_groups));
        }
    }
}

bool PatternTable::Holds(std::size_t rule, const std::string& key) const {
    const auto& conditions = (*rules_)[rule].conditions;
    for (std::size_t i = 0; i < conditions.size(); ++i)
        if (compiled_[rule][i]->Matches(key) == conditions[i].is_negated) return false;
    return true;
}

std::optional<std::string> PatternTable::FindNow(std::string_view key) const {
    if (!IsKey(key)) return std::nullopt;
    const std::string text(key);
    const std::int64_t latest = key.size() > kLongKey ? ThreadTime() + kMostForLongKeys : 0;
    for (std::size_t i = 0; i < rules_->size();) {
        const PatternRule& rule = (*rules_)[i];
        bool holds = false;
        try {
            if (latest > 0 && ThreadTime() > latest)
                throw MatchFailure("the rules before it take too long for so long a key");
            holds = Holds(i, text);
        } catch (const MatchFailure& failure) {
            throw outage::TableUnavailable(name_ + ", line " + std::to_string(rule.line) + ": " +
                                           failure.what());
        }
        if (holds && !rule.is_block) {
            const Pattern& first = *compiled_[i][0];
            return CheckedValue(
                rule.result.With([&](std::size_t n) { return first.Group(n, text); }), name_, key);
        }
        i = rule.is_block && !holds ? rule.behind : i + 1;
    }
    return std::nullopt;
}

void PatternTable::ForEachValue(const Visit& visit) const {
    for (const PatternRule& rule : *rules_)
        if (!rule.is_block) visit(rule.result.Text());
}

void PatternTable::ForEachKey(const Visit& visit) const {
    for (const PatternRule& rule : *rules_)
        if (!rule.is_block) visit(rule.conditions[0].text.expression);
}

}  // namespace policyd::tables
