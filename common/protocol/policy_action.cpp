#include "common/protocol/policy_action.hpp"

#include <algorithm>
#include <stdexcept>

#include "common/text/ascii.hpp"
#include "common/text/unicode.hpp"

namespace policyd::protocol {

namespace {

constexpr std::size_t kLongestAction = 400;

/// The actions of access(5) that stand by themselves or take a text or an argument.
constexpr std::string_view kWords[] = {
    "OK",      "RELAY", "DUNNO",  "REJECT",   "DEFER", "DEFER_IF_REJECT", "DEFER_IF_PERMIT",
    "DISCARD", "HOLD",  "FILTER", "REDIRECT", "BCC",   "PREPEND",         "WARN",
    "INFO",
};
constexpr std::string_view kLetPassOn[] = {
    "DUNNO", "HOLD", "WARN", "INFO", "PREPEND", "FILTER", "REDIRECT", "BCC", "DEFER_IF_REJECT"};
/// Where the letter is not in the argument, Postfix warns and does nothing.
constexpr struct {
    std::string_view word;
    char needed;
    const char* argument;
} kNeedArgument[] = {{"FILTER", ':', "FILTER with transport:destination"},
                     {"REDIRECT", '@', "REDIRECT with user@domain"},
                     {"BCC", '@', "BCC with user@domain"},
                     {"PREPEND", ':', "PREPEND with a header, \"Name: value\""}};
/// Of those that let pass on. REDIRECT overrides FILTER (access(5)).
constexpr std::string_view kWeakestFirst[] = {
    "DUNNO",  "WARN",     "INFO", "DEFER_IF_REJECT", "PREPEND", "BCC",
    "FILTER", "REDIRECT", "HOLD", "DEFER_IF_PERMIT"};

bool IsIn(std::string_view word, const auto& list) {
    return std::any_of(std::begin(list), std::end(list), [word](std::string_view candidate) {
        return text::EqualsIgnoringCase(word, candidate);
    });
}

bool AllDigits(std::string_view word) {
    return !word.empty() && std::all_of(word.begin(), word.end(), text::IsDigit);
}

/// The text behind the reply code and, where there is one, the enhanced status code.
std::string_view ReplyText(std::string_view code, std::string_view rest) {
    const std::string_view status = rest.substr(0, rest.find(' '));
    const auto parts = text::SplitAtAny(status, ".");
    const bool enhanced = parts.size() == 3 && std::all_of(parts.begin(), parts.end(), AllDigits);
    if (!enhanced) return rest;
    if (parts[0].size() != 1 || parts[0][0] != code[0] || parts[1].size() > 3 ||
        parts[2].size() > 3)
        throw std::invalid_argument(
            "an enhanced status code of the same class as the reply code, as in \"552 5.2.2 …\"");
    return text::Trim(rest.substr(status.size()));
}

}  // namespace

std::string ValidatedAction(std::string_view written) {
    const std::string_view action = text::Trim(written);
    if (action.size() > kLongestAction)
        throw std::invalid_argument("an action of at most 400 bytes");
    if (!text::IsValidUtf8(action) ||
        std::any_of(action.begin(), action.end(),
                    [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        throw std::invalid_argument("an action of printable UTF-8 on one line");

    const std::string_view word = action.substr(0, action.find(' '));
    const std::string_view rest = text::Trim(action.substr(word.size()));
    if (AllDigits(word)) {
        if (word.size() != 3 || (word[0] != '4' && word[0] != '5'))
            throw std::invalid_argument("a reply code 4NN or 5NN");
        if (ReplyText(word, rest).empty())
            throw std::invalid_argument(
                "a text behind the reply code (Postfix takes digits alone for OK)");
        return std::string(action);
    }
    if (!IsIn(word, kWords))
        throw std::invalid_argument(
            "DUNNO, 4NN or 5NN with a text, DEFER_IF_PERMIT, REJECT or another action of "
            "access(5)");
    for (const auto& known : kNeedArgument) {
        if (text::EqualsIgnoringCase(word, known.word) && rest.find(known.needed) == rest.npos)
            throw std::invalid_argument(known.argument);
    }
    return std::string(action);
}

std::string ValidatedRefusalOrDunno(std::string_view text) {
    std::string action = ValidatedAction(text);
    if (PermitsOutright(action))
        throw std::invalid_argument(
            "DUNNO instead of OK or RELAY, which would skip Postfix's later restrictions");
    return action;
}

bool PermitsOutright(std::string_view action) {
    const std::string_view word = action.substr(0, action.find(' '));
    return AllDigits(action) || text::EqualsIgnoringCase(word, "OK") ||
           text::EqualsIgnoringCase(word, "RELAY");
}

bool IsDunno(std::string_view action) {
    return text::EqualsIgnoringCase(action.substr(0, action.find(' ')), kDunno);
}

bool Outdoes(std::string_view action, std::string_view earlier) {
    const auto strength = [](std::string_view of) {
        const std::string_view word = of.substr(0, of.find(' '));
        return std::find_if(std::begin(kWeakestFirst), std::end(kWeakestFirst),
                            [word](auto known) { return text::EqualsIgnoringCase(word, known); });
    };
    const auto of_action = strength(action);
    const auto of_earlier = strength(earlier);
    const bool takes_last = of_action != std::end(kWeakestFirst) &&
                            (*of_action == "FILTER" || *of_action == "REDIRECT");
    return of_action > of_earlier || (of_action == of_earlier && takes_last);
}

bool LetsPassOn(std::string_view action) {
    return IsIn(action.substr(0, action.find(' ')), kLetPassOn);
}

void SetReply(std::string& reply, std::string_view action) {
    reply.assign("action=").append(action).append("\n\n");
}

std::string ReplyFor(std::string_view action) {
    std::string reply;
    SetReply(reply, action);
    return reply;
}

}  // namespace policyd::protocol
