#include "common/protocol/action_word.hpp"

#include <algorithm>
#include <iterator>

#include "common/text/ascii.hpp"

namespace policyd::protocol {

namespace {

using Effect = ActionWord::Effect;

bool Any(std::string_view) {
    return true;
}

bool HasColon(std::string_view argument) {
    return argument.find(':') != std::string_view::npos;
}

bool HasAt(std::string_view argument) {
    return argument.find('@') != std::string_view::npos;
}

/// By Postfix's is_header(): between the name and the colon there may be white space.
bool IsHeader(std::string_view argument) {
    std::string_view name = argument.substr(0, argument.find(':'));
    if (name.size() == argument.size()) return false;
    name = name.substr(0, name.find_last_not_of(" \t") + 1);
    return !name.empty() &&
           std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

/// Those that outdo others are behind them: REDIRECT overrides FILTER (access(5)).
constexpr ActionWord kWords[] = {
    {"DUNNO", Effect::kNothing, Any},
    {"WARN", Effect::kNote, Any},
    {"INFO", Effect::kNote, Any},
    {"PREPEND", Effect::kAside, IsHeader, "PREPEND with a header, \"Name: value\""},
    {"BCC", Effect::kAside, HasAt, "BCC with user@domain"},
    {"DEFER_IF_REJECT", Effect::kAside, Any},
    {"FILTER", Effect::kAside, HasColon, "FILTER with transport:destination", true},
    {"REDIRECT", Effect::kAside, HasAt, "REDIRECT with user@domain", true},
    {"HOLD", Effect::kAside, Any},
    {"DEFER_IF_PERMIT", Effect::kDeferIfPermit, Any},
    {"OK", Effect::kPermit, Any},
    {"RELAY", Effect::kPermit, Any},
    {"DEFER", Effect::kDecide, Any},
    {"REJECT", Effect::kDecide, Any},
    {"DISCARD", Effect::kDecide, Any},
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
