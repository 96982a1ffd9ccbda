#include "common/protocol/policy_action.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "common/protocol/action_word.hpp"
#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"

namespace policyd::protocol {

namespace {

constexpr std::size_t kLongestAction = 400;

bool AllDigits(std::string_view word) {
    return !word.empty() && std::all_of(word.begin(), word.end(), text::IsDigit);
}

/// The three numbers of an enhanced status code that `text` begins with; empty where it does not.
std::vector<std::string_view> StatusIn(std::string_view text) {
    auto parts = text::SplitAtAny(text.substr(0, text.find(' ')), ".");
    if (parts.size() != 3 || !std::all_of(parts.begin(), parts.end(), AllDigits)) parts.clear();
    return parts;
}

bool IsStatusClass(std::string_view number) {
    return number == "2" || number == "4" || number == "5";
}

/// The text behind the reply code and, where there is one, the enhanced status code.
std::string_view ReplyText(std::string_view code, std::string_view rest) {
    const std::string_view status = rest.substr(0, rest.find(' '));
    const auto parts = StatusIn(rest);
    if (parts.empty()) return rest;
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
    const ActionWord* const known = FindActionWord(word);
    if (known == nullptr)
        throw std::invalid_argument(
            "DUNNO, 4NN or 5NN with a text, DEFER_IF_PERMIT, REJECT or another action of "
            "access(5)");
    if (!known->takes(rest)) throw std::invalid_argument(known->with_argument);
    return std::string(action);
}

std::string ValidatedRefusalOrDunno(std::string_view text) {
    std::string action = ValidatedAction(text);
    if (PermitsOutright(action))
        throw std::invalid_argument(
            "DUNNO instead of OK or RELAY, which would skip Postfix's later restrictions");
    return action;
}

std::optional<std::string> ActionWithText(std::string_view word, std::string_view status,
                                          std::string_view text) {
    text = text::Trim(text);
    std::string its_status(status);
    const auto parts = StatusIn(text);
    if (!parts.empty() && IsStatusClass(parts[0])) {
        its_status = text.substr(0, text.find(' '));
        its_status[0] = status[0];
        text = text::Trim(text.substr(its_status.size()));
    }
    if (text.empty()) return std::nullopt;
    try {
        return ValidatedAction(std::string(word) + ' ' + its_status + ' ' + std::string(text));
    } catch (const std::invalid_argument&) {
        return std::nullopt;
    }
}

bool PermitsOutright(std::string_view action) {
    const ActionWord* const word = FindActionWord(action);
    return AllDigits(action) || (word != nullptr && word->effect == ActionWord::Effect::kPermit);
}

bool IsDunno(std::string_view action) {
    const ActionWord* const word = FindActionWord(action);
    return word != nullptr && word->effect == ActionWord::Effect::kNothing;
}

bool LetsPassOn(std::string_view action) {
    using Effect = ActionWord::Effect;
    const ActionWord* const word = FindActionWord(action);
    return word != nullptr && (word->effect == Effect::kNothing || word->effect == Effect::kNote ||
                               word->effect == Effect::kAside);
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
