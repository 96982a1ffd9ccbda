#pragma once

#include <set>
#include <string>

#include "common/mail/mailbox_layout.hpp"
#include "common/usage/usage_store.hpp"
#include "policyd/scanner/committed_sample.hpp"
#include "policyd/scanner/publisher.hpp"
#include "policyd/scanner/scan_report.hpp"
#include "policyd/scanner/scan_state.hpp"
#include "policyd/scanner/vanished_mailboxes.hpp"

namespace policyd::scanner {

/// Looks whether the usage store still has what it was told, and nothing else. What is to be done
/// about mailboxes is the scanner's. Loop thread.
class StoreComparison {
public:
    /// All of them outlive it.
    StoreComparison(usage::UsageStore& store, const ScanState& state,
                    const mail::MailboxLayout& layout, Publisher& publisher,
                    const VanishedMailboxes& vanished, ScanTally& tally)
        : store_(store),
          state_(state),
          layout_(layout),
          publisher_(publisher),
          vanished_(vanished),
          tally_(tally) {}

    /// Whether it has lost what it took, by some of it. False where it does not answer.
    async::Task<bool> HasLostFigures();
    /// By the store's clock, when HasLostFigures() last had an answer.
    StoreTime LookedAt() const { return looked_at_; }
    void ClockWasSetBackTo(StoreTime now);

    /// Has the store put right what it has of domains, and tells of those that were wrong: where it
    /// lost mailboxes, what they come to again is counted once more; where it lost a domain,
    /// nothing that its mailboxes hold is counted there. Returns whether there were any. Also tells
    /// of those that the store has to leave as they are.
    async::Task<bool> MendDomains();

    /// Tells of all mailboxes of which the store says something else than what it was last told,
    /// and counts those of which nobody remembers that.
    async::Task<> TellOfDrift();

    /// Addresses of mailboxes of which the store knows and we do not: removed while there was no
    /// state, or while it could not be saved. In a verification it tells of them, but for those
    /// measured since `looked`, when mailboxes were looked for. Throws as
    /// Publisher::MeasuredMailboxes().
    async::Task<std::set<std::string>> OnlyInStore(StoreTime looked);

private:
    async::Task<bool> IsLost(const CommittedMailbox& committed, std::string address);
    async::Task<bool> IsLostInItsDomain(std::string address);
    void CountDrift();

    usage::UsageStore& store_;
    const ScanState& state_;
    const mail::MailboxLayout& layout_;
    Publisher& publisher_;
    const VanishedMailboxes& vanished_;
    ScanTally& tally_;
    StoreTime looked_at_ = 0;
};

}  // namespace policyd::scanner
