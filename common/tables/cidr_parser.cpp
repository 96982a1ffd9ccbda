#include "common/tables/cidr_parser.hpp"

#include <algorithm>
#include <stdexcept>

#include "common/tables/rule_words.hpp"
#include "common/text/ascii.hpp"

namespace policyd::tables {

void CidrParser::AddLine(std::string_view line, std::size_t number) {
    try {
        if (const auto pattern = After("if", line)) {
            BeginBlock(*pattern, number);
        } else if (const auto rest = After("endif", line)) {
            EndBlock(*rest);
        } else {
            AddRule(line);
        }
    } catch (const std::invalid_argument& error) {
        warn_(path_ + ":" + std::to_string(number) + ": skipped: " + error.what());
    }
}

void CidrParser::BeginBlock(std::string_view pattern, std::size_t number) {
    Block block = Narrowed(ParsePattern(pattern));
    block.line = number;
    blocks_.push_back(std::move(block));
}

void CidrParser::EndBlock(std::string_view rest) {
    if (blocks_.size() == 1) throw std::invalid_argument("no \"if\" before this \"endif\"");
    if (!rest.empty()) throw std::invalid_argument("something follows the \"endif\"");
    blocks_.pop_back();
}

void CidrParser::AddRule(std::string_view line) {
    std::string_view rest = line;
    TakeNegation(rest);
    const std::size_t signs = line.size() - rest.size();
    const std::size_t length = static_cast<std::size_t>(
        std::find_if(rest.begin(), rest.end(), text::IsBlank) - rest.begin());
    const std::string_view value = text::Trim(rest.substr(length));
    const std::string_view word = rest.substr(0, length);
    if (word.empty()) throw std::invalid_argument("no address pattern");
    if (value.empty()) throw std::invalid_argument("no result follows the address pattern");
    const Pattern pattern = ParsePattern(line.substr(0, signs + length));
    Block block = Narrowed(pattern);
    if (block.is_reachable) rules_.Add(std::move(*block.condition), value);
}

CidrParser::Pattern CidrParser::ParsePattern(std::string_view text) {
    Pattern pattern;
    pattern.negated = TakeNegation(text);
    if (text.empty()) throw std::invalid_argument("no address pattern");
    pattern.prefix = ParseAddressPrefix(text);
    return pattern;
}

CidrParser::Block CidrParser::Narrowed(const Pattern& pattern) const {
    Block block = blocks_.back();
    // Negated or not, a pattern is met by addresses of its own family only.
    AddressPrefix inside = pattern.prefix;
    if (pattern.negated) inside = AddressPrefix{inside.family, 0, {}};
    if (!block.condition) {
        block.condition = CidrCondition{inside, {}};
    } else if (block.condition->inside.Contains(inside)) {
        block.condition->inside = inside;
    } else if (!inside.Contains(block.condition->inside)) {
        block.is_reachable = false;
    }
    if (pattern.negated) block.condition->outside.push_back(pattern.prefix);
    return block;
}

void CidrParser::Finish() {
    for (std::size_t i = 1; i < blocks_.size(); ++i) {
        warn_(path_ + ":" + std::to_string(blocks_[i].line) + ": no \"endif\" ends this \"if\"");
    }
}

}  // namespace policyd::tables
