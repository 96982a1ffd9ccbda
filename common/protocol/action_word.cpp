#include "common/protocol/action_word.hpp"

#include <algorithm>
#include <iterator>

#include "common/text/ascii.hpp"

namespace policyd::protocol {

namespace {

using Effect = ActionWord::Effect;

/// Those that outdo others are behind them: REDIRECT overrides FILTER (access(5)).
constexpr ActionWord kWords[] = {
    {"DUNNO", Effect::kNothing},
    {"WARN", Effect::kNote},
    {"INFO", Effect::kNote},
    {"PREPEND", Effect::kAside, ':', "PREPEND with a header, \"Name: value\""},
    {"BCC", Effect::kAside, '@', "BCC with user@domain"},
    {"DEFER_IF_REJECT", Effect::kAside},
    {"FILTER", Effect::kAside, ':', "FILTER with transport:destination", true},
    {"REDIRECT", Effect::kAside, '@', "REDIRECT with user@domain", true},
    {"HOLD", Effect::kAside},
    {"DEFER_IF_PERMIT", Effect::kDeferIfPermit},
    {"OK", Effect::kPermit},
    {"RELAY", Effect::kPermit},
    {"DEFER", Effect::kDecide},
    {"REJECT", Effect::kDecide},
    {"DISCARD", Effect::kDecide},
};

}  // namespace

const ActionWord* FindActionWord(std::string_view action) {
    const std::string_view word = action.substr(0, action.find_first_of(" \t"));
    const auto known = std::find_if(
        std::begin(kWords), std::end(kWords),
        [word](const ActionWord& each) { return text::EqualsIgnoringCase(word, each.name); });
    return known == std::end(kWords) ? nullptr : known;
}

bool Outdoes(std::string_view action, std::string_view earlier) {
    const ActionWord* const word = FindActionWord(action);
    const ActionWord* const other = FindActionWord(earlier);
    if (word == nullptr || other == nullptr) return other != nullptr;  // a reply code is a refusal
    return word > other || (word == other && word->last_counts);
}

}  // namespace policyd::protocol
