#pragma once

#include <cstddef>
#include <vector>

#include "policyd/checks/message_tracker.hpp"

namespace policyd::checks {

/// Where a portion of recipients ends that begins with one of them: so many as the usage store is
/// asked about at once. It has to answer for all of a portion in its time limit, and for others
/// meanwhile; a message may have 50,000 recipients, and each of them a list of mailboxes.
std::size_t EndOfPortion(const std::vector<TrackedRecipient>& recipients, std::size_t begin);

}  // namespace policyd::checks
