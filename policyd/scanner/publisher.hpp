#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/event_loop.hpp"
#include "common/async/timer.hpp"
#include "common/async/wake_up.hpp"
#include "common/mail/mailbox_layout.hpp"
#include "common/usage/usage_store.hpp"
#include "policyd/scanner/scan_state.hpp"

namespace policyd::scanner {

/// How long an outage of the usage store is waited out.
enum class Patience {
    kForever,  ///< a daemon's
    kShort,    ///< some seconds: a run that somebody waits for
};

/// Brings measurements into the usage store, in batches, while others are being made. An outage
/// is waited out; nothing that was offered is lost, and the state says only of what the store has
/// acknowledged that it was committed. Loop thread.
class Publisher {
public:
    /// The store, the state and the layout outlive the publisher, which outlives its last task: see
    /// Finish().
    Publisher(async::EventLoop& loop, usage::UsageStore& store, ScanState& state,
              const mail::MailboxLayout& layout, std::chrono::milliseconds grace,
              Patience patience);

    /// What just changed does not wait behind all that a sweep has found.
    enum class Turn { kFirst, kLater };

    /// To be committed soon: what the state then says of this mailbox, as of `began`.
    void Offer(const std::string& mailbox, StoreTime began, Turn turn);

    /// Tries once more what the store has refused; a daemon does so besides, after a second and
    /// then ever more seldom.
    void RetryRefused();
    /// Until everything that was offered is committed but for what the store refuses while it takes
    /// the rest, or patience is at its end: until it is not committing.
    async::Task<> Finish();
    bool IsCommitting() const { return committing_; }
    /// Called when it is not any more.
    void OnFinished(std::function<void()> function) { on_finished_ = std::move(function); }
    /// As Finish(), of these alone, of what was offered to be first.
    async::Task<> FinishFirst(std::vector<std::string> mailboxes);
    /// Until nothing is under way of mailboxes that the state does not know any more: what is not
    /// under way yet will not be.
    async::Task<> FinishBatch();

    /// The store's time. Waits for the store as long as patience says, then throws its
    /// outage::UsageStoreUnavailable.
    async::Task<StoreTime> AskTime();
    /// As the store's, with the same patience unless it answers all else.
    async::Task<std::vector<std::string>> MeasuredMailboxes();
    async::Task<std::vector<std::string>> UnmeasuredMailboxes();
    /// Removes these mailboxes' entries, with the same patience. Returns how many it could not
    /// remove, for the store refuses that of these alone.
    async::Task<std::size_t> Remove(std::vector<std::string> addresses);
    /// Tells of mailboxes that were not there at `looked`, with the same patience, but for what the
    /// store refuses of these alone.
    async::Task<> NoteAbsent(std::vector<std::string> addresses, StoreTime looked);

    /// From now on an outage is not waited out any more.
    void Stop();

    /// Called with false when it begins to wait for the store, and with true when that answers
    /// again.
    void OnStore(std::function<void(bool answers)> function) { on_store_ = std::move(function); }

    std::uint64_t Committed() const { return committed_; }
    std::size_t Waiting() const { return due_.size() + suspects_.size() + refused_.size(); }

private:
    struct Change {
        std::string_view name;  ///< what it is to the mailboxes that are named behind it
        std::function<async::Task<>(std::span<const std::string>)> make;
    };
    using AskForNames = std::function<async::Task<std::vector<std::string>>()>;
    using Batch = std::vector<std::pair<std::string, StoreTime>>;
    /// What the store did not take, and with what words.
    struct Suspect {
        StoreTime began = 0;
        std::string failure;
    };

    using Suspects = std::map<std::string, Suspect>;

    static constexpr std::size_t kBatch = 128;
    static constexpr std::chrono::milliseconds kFirstRetry{1'000};
    static constexpr std::chrono::milliseconds kLastRetry{300'000};

    void StartCommitting();
    async::Task<> CommitAll();
    void NoteCommitted(const Batch& batch);
    /// Then a mailbox that it does not take may be at fault itself.
    async::Task<bool> StoreAnswers();
    void JudgeSuspects();
    void SetAside(const Suspects& refused);
    void Refuse(const std::string& mailbox, StoreTime began);
    void RetryLater();
    Batch TakeBatch();
    async::Task<std::vector<usage::Measurement>> MeasurementsOf(const Batch& batch);
    async::Task<bool> IsKnownBetter(const usage::Measurement& measurement);
    async::Task<std::vector<std::string>> Names(AskForNames ask);
    async::Task<std::size_t> ChangeInBatches(std::vector<std::string> addresses, Change change);
    /// False when it is time to give up.
    async::Task<bool> WaitOut(std::string what);
    void Recovered();

    async::EventLoop& loop_;
    usage::UsageStore& store_;
    ScanState& state_;
    const mail::MailboxLayout& layout_;
    std::chrono::milliseconds grace_;
    Patience patience_;
    std::map<std::string, StoreTime> due_;
    /// Those to be committed before others: they are due, under way, or suspects.
    std::set<std::string> first_;
    bool committing_ = false;
    bool is_under_way_ = false;  // a batch, while committing
    bool stopped_ = false;
    std::uint64_t committed_ = 0;
    std::size_t most_in_batch_ = kBatch;
    std::map<std::string, StoreTime> refused_;
    std::set<std::string> told_refused_;
    std::set<std::string> told_unchanged_;  // addresses
    Suspects suspects_;                     // not taken since the store last took something
    std::set<std::string> tried_again_;     // after it took something
    std::string probe_from_;                // what comes next, where all before may be refused
    async::Timer retry_;
    std::chrono::milliseconds retry_pause_ = kFirstRetry;
    int failures_ = 0;            // in a row
    bool has_given_up_ = false;   // since then
    bool takes_nothing_ = false;  // the store, which may answer all the same
    std::function<void(bool)> on_store_ = [](bool) {};
    std::function<void()> on_finished_ = [] {};
    async::WakeUp moved_on_;  // a batch is through, or the last one
};

}  // namespace policyd::scanner
