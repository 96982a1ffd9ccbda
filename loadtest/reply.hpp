#pragma once

#include <array>
#include <string>
#include <string_view>

namespace policyd::loadtest {

/// What a reply means for the message.
enum class Verdict { kDunno, kPermit, kReject, kDefer, kOther };
inline constexpr std::array kVerdicts{Verdict::kDunno, Verdict::kPermit, Verdict::kReject,
                                      Verdict::kDefer, Verdict::kOther};

/// "dunno", "permit", "reject", "defer", "other".
std::string_view VerdictName(Verdict verdict);

/// What Postfix would make of an action: a reply code or a verb of access(5).
Verdict VerdictOf(std::string_view action);

/// Whether mail goes on: nothing is said against it (protocol::LetsPassOn()), or it is permitted.
bool Passes(std::string_view action);

/// What an SMTP server's reply code means: 2xx and 3xx permit, 4xx defer, 5xx reject.
Verdict VerdictOfSmtp(int code);

/// Checks every byte of policy replies: one "action=" line that Postfix understands and does not
/// take for a permission by accident, an empty line, and nothing behind it.
class ReplyReader {
public:
    enum class State { kIncomplete, kComplete, kMalformed };

    /// `received` is all that came since the request was sent.
    State Read(std::string_view received);

    /// After kComplete; the views last while `received` does.
    std::string_view Action() const noexcept { return action_; }
    Verdict Meaning() const noexcept { return verdict_; }
    /// After kMalformed.
    const std::string& Problem() const noexcept { return problem_; }

private:
    State Malformed(std::string problem);

    std::string_view action_;
    Verdict verdict_ = Verdict::kOther;
    std::string problem_;
    std::string known_good_;  // the action that was last found to be well-formed
};

}  // namespace policyd::loadtest
