#include "loadtest/reply.hpp"

#include <stdexcept>
#include <utility>

#include "common/protocol/policy_action.hpp"
#include "common/text/ascii.hpp"

namespace policyd::loadtest {

namespace {

constexpr std::string_view kAttribute = "action=";

std::string_view FirstWord(std::string_view text) {
    return text.substr(0, text.find(' '));
}

bool IsReplyCode(std::string_view word) {
    return word.size() == 3 && text::IsDigit(word[0]) && text::IsDigit(word[1]) &&
           text::IsDigit(word[2]);
}

}  // namespace

std::string_view VerdictName(Verdict verdict) {
    switch (verdict) {
        case Verdict::kDunno:
            return "dunno";
        case Verdict::kPermit:
            return "permit";
        case Verdict::kReject:
            return "reject";
        case Verdict::kDefer:
            return "defer";
        case Verdict::kOther:
            break;
    }
    return "other";
}

Verdict VerdictOf(std::string_view action) {
    const std::string_view word = FirstWord(action);
    if (text::EqualsIgnoringCase(word, "DUNNO")) return Verdict::kDunno;
    if (protocol::PermitsOutright(action)) return Verdict::kPermit;
    if (text::EqualsIgnoringCase(word, "REJECT")) return Verdict::kReject;
    if (text::EqualsIgnoringCase(word, "DEFER") ||
        text::EqualsIgnoringCase(word, "DEFER_IF_PERMIT"))
        return Verdict::kDefer;
    if (IsReplyCode(word) && word[0] == '5') return Verdict::kReject;
    if (IsReplyCode(word) && word[0] == '4') return Verdict::kDefer;
    return Verdict::kOther;
}

bool Passes(std::string_view action) {
    return protocol::LetsPassOn(action) || protocol::PermitsOutright(action);
}

Verdict VerdictOfSmtp(int code) {
    if (code >= 200 && code < 400) return Verdict::kPermit;
    if (code >= 400 && code < 500) return Verdict::kDefer;
    if (code >= 500 && code < 600) return Verdict::kReject;
    return Verdict::kOther;
}

ReplyReader::State ReplyReader::Read(std::string_view received) {
    const std::size_t compared = std::min(received.size(), kAttribute.size());
    if (received.substr(0, compared) != kAttribute.substr(0, compared))
        return Malformed("does not begin with action=");
    const std::size_t line_end = received.find('\n');
    if (line_end == std::string_view::npos || line_end + 1 == received.size())
        return State::kIncomplete;
    if (received[line_end + 1] != '\n') return Malformed("more than one attribute");
    if (received.size() > line_end + 2) return Malformed("bytes behind the empty line");

    action_ = received.substr(kAttribute.size(), line_end - kAttribute.size());
    verdict_ = VerdictOf(action_);
    if (!action_.empty() && action_ == known_good_) return State::kComplete;
    try {
        if (protocol::ValidatedAction(action_) != action_) return Malformed("blanks around it");
    } catch (const std::invalid_argument& error) {
        return Malformed(error.what());
    }
    known_good_ = action_;
    return State::kComplete;
}

ReplyReader::State ReplyReader::Malformed(std::string problem) {
    problem_ = std::move(problem);
    return State::kMalformed;
}

}  // namespace policyd::loadtest
