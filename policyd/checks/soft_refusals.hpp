#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/recipients/mailbox.hpp"

namespace policyd::checks {

/// Since when mailboxes have been full, as far as one loop thread has seen: mail for them is first
/// deferred, and refused for good once they have been full for the soft time without a break.
///
/// A restart begins anew, which makes the time longer, never shorter. Of too many full mailboxes
/// the ones that come last are not remembered, and stay deferred.
class SoftRefusals {
public:
    using Milliseconds = std::chrono::milliseconds;
    using Mailboxes = std::vector<recipients::Mailbox>;

    /// A soft time of zero refuses for good at once.
    SoftRefusals(Milliseconds soft_time, std::size_t most_mailboxes)
        : soft_time_(soft_time), most_mailboxes_(most_mailboxes) {}

    /// Mail for these mailboxes is refused now: true where that is to be for good. `now` is
    /// monotonic.
    bool IsForGood(const Mailboxes& mailboxes, Milliseconds now);

    /// There was room in these mailboxes.
    void HasRoom(const Mailboxes& mailboxes);

private:
    const Milliseconds soft_time_;
    const std::size_t most_mailboxes_;
    std::unordered_map<std::string, Milliseconds> full_since_;
};

}  // namespace policyd::checks
