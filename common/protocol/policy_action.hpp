#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace policyd::protocol {

/// An action that Postfix takes as it is meant (access(5)), from text that an administrator wrote:
/// trimmed, and refused where Postfix would misread it. Digits alone and the empty action mean
/// "permit" there, a reply code needs a text behind it, an enhanced status code must agree with it
/// and come first; control characters, invalid UTF-8 and more than 400 bytes do not survive SMTP.
/// Throws std::invalid_argument with what would have been accepted.
std::string ValidatedAction(std::string_view text);

/// The same for an action that must not permit: OK, RELAY and everything else that ends Postfix's
/// own restrictions is refused as well. Actions of this service are of this kind.
std::string ValidatedRefusalOrDunno(std::string_view text);

/// The action `word` with a text that a site has for senders, "5.7.1 No mail today" or without the
/// status code, of which dsn_split of Postfix makes `status` then; its class is that of `status` in
/// any case. Nothing where such an action would not survive (ValidatedAction()).
std::optional<std::string> ActionWithText(std::string_view word, std::string_view status,
                                          std::string_view text);

/// True for OK, RELAY and digits alone, upper or lower case: Postfix would permit.
bool PermitsOutright(std::string_view action);

/// True for DUNNO, upper or lower case: nothing is said of the request.
bool IsDunno(std::string_view action);

/// True for DUNNO and for what changes only what becomes of a message that is let pass: HOLD, WARN,
/// INFO, PREPEND, FILTER, REDIRECT, BCC; and for DEFER_IF_REJECT, which refuses nothing by itself.
bool LetsPassOn(std::string_view action);

/// The reply to one request: "action=…", and an empty line.
std::string ReplyFor(std::string_view action);
/// The same in the place of the one before, whose memory it takes.
void SetReply(std::string& reply, std::string_view action);

inline constexpr std::string_view kDunno = "DUNNO";

}  // namespace policyd::protocol
