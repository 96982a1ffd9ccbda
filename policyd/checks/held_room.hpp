#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "policyd/checks/message_tracker.hpp"
#include "policyd/checks/owed_changes.hpp"
#include "policyd/checks/policy_check.hpp"

namespace policyd::checks {

/// The room that messages hold in the mailboxes of their recipients, and the ways to give it back.
/// What the usage store cannot be told is owed to it. Used by one loop thread.
class HeldRoom {
public:
    using Recipients = std::vector<TrackedRecipient>;
    using Rest = PolicyCheck::Rest;

    /// Where it does not reserve, room is held still that was reserved before a reload. All
    /// arguments outlive what is being given back.
    HeldRoom(usage::UsageStore& usage, const MessageTracker& messages, OwedChanges& owed,
             bool reserves);

    /// What the reservation of a message for one of its recipients is called.
    static std::string Id(std::string_view message, std::string_view recipient);

    bool Reserves(std::string_view message) const { return reserves_ && !message.empty(); }
    bool IsHeldFor(const TrackedRecipient& recipient, std::string_view message) const {
        return Reserves(message) || recipient.holds;
    }

    /// Throws none of the usage store's outages, as all of these.
    async::Task<void> GiveBack(std::string message, Recipients recipients, usage::Unreserve what);
    async::Task<void> GiveBack(std::string id, std::vector<std::string> mailboxes,
                               usage::Unreserve what);

    /// Owes it to the usage store.
    void GiveBackLater(std::string_view message, const TrackedRecipient& recipient,
                       usage::Unreserve what);

    /// What is left to do for a message that was given up: its recipients in turn with those of
    /// others, but for whoever is asked about again before that.
    Rest GiveUp(std::string_view message, Recipients unsettled);

private:
    struct GivenUp {
        std::string message;
        Recipients recipients;
    };

    async::Task<void> GiveBackInTurn(GivenUp message);
    async::Task<void> GiveBackUnlessAskedAgain(GivenUp message);

    usage::UsageStore& usage_;
    const MessageTracker& messages_;
    OwedChanges& owed_;
    const bool reserves_;
    std::deque<GivenUp> given_up_;      // that nobody gives back yet
    std::size_t being_given_back_ = 0;  // recipients of others
};

}  // namespace policyd::checks
