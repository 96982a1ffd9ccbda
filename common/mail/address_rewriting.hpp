#pragma once

#include <string>
#include <string_view>

#include "common/mail/address_tokens.hpp"

namespace policyd::mail {

/// The parameters of main.cf by which addresses become complete.
struct RewritingRules {
    std::string myorigin;
    std::string mydomain;
    bool swap_bangpath = true;
    bool allow_percent_hack = true;
    bool append_at_myorigin = true;
    bool append_dot_mydomain = true;
};

/// Completes an address as trivial-rewrite(8) does in the local context: takes off a source route
/// and one dot at the end, makes `domain!user` and `user%domain` ordinary addresses where there is
/// no '@', and appends @myorigin and .mydomain where something is missing.
void Rewrite(AddressTokens& tokens, const RewritingRules& rules);

/// The same for an internal address; the result is internal.
std::string Rewritten(std::string_view address, const RewritingRules& rules);
/// The same for an external address; the result is internal.
std::string RewrittenExternal(std::string_view address, const RewritingRules& rules);

}  // namespace policyd::mail
