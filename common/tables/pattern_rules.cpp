#include "common/tables/pattern_rules.hpp"

#include <stdexcept>
#include <utility>

#include "common/tables/rule_words.hpp"
#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"

namespace policyd::tables {

namespace {

const char* WhyForbidden(Substitution substitution) {
    if (substitution == Substitution::kForbiddenToVirtual)
        return "virtual(8) takes no $1 in a result: where it delivers, what only this rule finds "
               "bounces";
    return "transport_maps take no $1 in a result";
}

/// \1 to \9.
bool HasBackReference(std::string_view expression) {
    for (std::size_t i = 0; i + 1 < expression.size(); ++i) {
        if (expression[i] != '\\') continue;
        ++i;
        if (expression[i] >= '1' && expression[i] <= '9') return true;
    }
    return false;
}

}  // namespace

void PatternParser::AddLine(std::string_view line, std::size_t number) {
    line = text::Trim(line);
    if (line.empty()) return;
    try {
        if (!text::IsLetterOrDigit(line[0])) {
            AddRule(line, number);
        } else if (const auto pattern = After("if", line)) {
            BeginBlock(*pattern, number);
        } else if (const auto rest = After("endif", line)) {
            EndBlock(*rest, number);
        } else {
            throw std::invalid_argument("neither a pattern between delimiters nor if nor endif");
        }
    } catch (const std::invalid_argument& error) {
        Warn(number, std::string("skipped: ") + error.what());
    }
}

void PatternParser::BeginBlock(std::string_view pattern, std::size_t number) {
    PatternRule block;
    block.line = number;
    block.is_block = true;
    block.conditions.push_back(TakeCondition(pattern, number));
    Compiled(block.conditions[0], false);
    if (!text::Trim(pattern).empty())
        Warn(number, "ignored what follows the pattern of the \"if\": \"" +
                         text::EscapedForLog(text::Trim(pattern)) +
                         "\"; a line in a block must not begin with a blank, or it continues the "
                         "one before");
    open_blocks_.push_back(rules_.size());
    rules_.push_back(std::move(block));
}

void PatternParser::EndBlock(std::string_view rest, std::size_t number) {
    if (open_blocks_.empty()) throw std::invalid_argument("no \"if\" before this \"endif\"");
    if (!rest.empty()) Warn(number, "ignored what follows the \"endif\"");
    rules_[open_blocks_.back()].behind = rules_.size();
    open_blocks_.pop_back();
}

void PatternParser::AddRule(std::string_view line, std::size_t number) {
    PatternRule rule;
    rule.line = number;
    rule.conditions.push_back(TakeCondition(line, number));
    // What its manual page does not tell: /this/!/and not that/
    if (syntax_ == PatternSyntax::kPosix && line.starts_with('!'))
        rule.conditions.push_back(TakeCondition(line, number));
    line = text::Trim(line);
    if (line.empty()) Warn(number, "there is no result: whoever it matches is deferred");
    rule.result = Replacement(line);
    const std::size_t groups = rule.result.HighestGroup();
    if (groups > 0 && rule.conditions[0].is_negated)
        throw std::invalid_argument(
            "a pattern that is not to match has no groups for the $1 of its result");
    if (groups > 0 && substitution_ != Substitution::kAllowed)
        throw std::invalid_argument(WhyForbidden(substitution_));
    const auto first = Compiled(rule.conditions[0], groups > 0);
    if (groups > first->Groups())
        throw std::invalid_argument("the pattern has no group for the $" + std::to_string(groups) +
                                    " of its result");
    if (rule.conditions.size() > 1) Compiled(rule.conditions[1], false);
    rules_.push_back(std::move(rule));
}

PatternRule::Condition PatternParser::TakeCondition(std::string_view& text,
                                                    std::size_t number) const {
    PatternRule::Condition condition;
    condition.is_negated = TakeNegation(text);
    if (text.empty()) throw std::invalid_argument("no pattern");
    const char delimiter = text[0];
    std::size_t end = 1;
    while (end < text.size() && text[end] != delimiter) end += text[end] == '\\' ? 2 : 1;
    if (end >= text.size())
        throw std::invalid_argument("no " + text::EscapedForLog(text.substr(0, 1)) +
                                    " ends the pattern");
    condition.text.expression = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    const bool may_follow = syntax_ == PatternSyntax::kPosix;
    while (!text.empty() && !text::IsBlank(text[0]) && !(may_follow && text[0] == '!')) {
        condition.text.flags += text[0];
        text.remove_prefix(1);
    }
    if (syntax_ == PatternSyntax::kPosix && HasBackReference(condition.text.expression))
        Warn(number,
             "with a back-reference (\\1) one long address may keep the C library busy for ever, "
             "and everybody waiting: use pcre:, which gives up");
    if (syntax_ == PatternSyntax::kPerl && condition.text.flags.find('X') != std::string::npos)
        Warn(number, "the flag 'X' is obsolete and has no effect");
    return condition;
}

std::unique_ptr<Pattern> PatternParser::Compiled(const PatternRule::Condition& condition,
                                                 bool needs_groups) const {
    return CompilePattern(syntax_, condition.text, needs_groups);
}

PatternRules PatternParser::Finish() {
    for (const std::size_t block : open_blocks_) {
        rules_[block].behind = rules_.size();
        Warn(rules_[block].line, "no \"endif\" ends this \"if\"");
    }
    open_blocks_.clear();
    return std::move(rules_);
}

void PatternParser::Warn(std::size_t line, const std::string& text) const {
    warn_(path_ + ":" + std::to_string(line) + ": " + text);
}

}  // namespace policyd::tables
