#include "policyd/checks/portion.hpp"

#include <algorithm>

namespace policyd::checks {

namespace {

/// As many recipients as Postfix lets a message have by default (smtpd_recipient_limit), where each
/// is one mailbox.
constexpr std::size_t kMailboxesAtOnce = 1'000;

}  // namespace

std::size_t EndOfPortion(const std::vector<TrackedRecipient>& recipients, std::size_t begin) {
    std::size_t end = begin;
    for (std::size_t mailboxes = 0; end < recipients.size() && mailboxes < kMailboxesAtOnce; ++end)
        mailboxes += std::max<std::size_t>(recipients[end].resolution->mailboxes.size(), 1);
    return end;
}

}  // namespace policyd::checks
