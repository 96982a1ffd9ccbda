#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "policyd/scanner/absent_mailboxes.hpp"
#include "policyd/scanner/measuring_pool.hpp"
#include "policyd/scanner/obstacle.hpp"
#include "policyd/scanner/publisher.hpp"
#include "policyd/scanner/scan_report.hpp"
#include "policyd/scanner/scan_state.hpp"
#include "policyd/scanner/scanner_options.hpp"
#include "policyd/scanner/store_comparison.hpp"
#include "policyd/scanner/vanished_mailboxes.hpp"

namespace policyd::scanner {

/// Keeps the usage store right about a mail store: measures mailboxes and commits what they come
/// to. Owned by a loop thread, whose coroutines call it; its pool's threads do the reading.
class Scanner {
public:
    /// `state` is what the last scan left, changed in place. All arguments outlive the scanner.
    Scanner(async::EventLoop& loop, usage::UsageStore& store, ScanState& state,
            const ScannerOptions& options);

    /// Which mailboxes a sweep measures.
    enum class Scope {
        kAll,
        kNewOnes,  ///< those never measured: after something changed above the mailboxes
    };

    /// Looks at the whole store once: finds the mailboxes, measures what may have changed, commits
    /// it, removes the entries of mailboxes that are gone. Ends early after Stop(). Throws
    /// std::system_error when the root cannot be opened, and outage::UsageStoreUnavailable when the
    /// store does not answer for longer than patience allows. One at a time.
    async::Task<ScanReport> Sweep(Thoroughness thoroughness, Scope scope = Scope::kAll);

    /// Mailboxes that changed so long ago that nothing that was reserved for the change may count
    /// any more, but have not been committed since: the latest few thousand of them. As of the last
    /// StoreHasLost(), or of a moment ago in a sweep. And those of which the store holds something
    /// that its clock has not passed yet.
    std::vector<std::string> ToBeSettled() const;

    /// Measures these mailboxes now, beside a sweep if there is one, and commits what they come
    /// to. Returns those that it is through with: one that is being measured still, that took so
    /// long lately that measuring it again and again would be all there is to do, or of which the
    /// store would ignore what it came to, is for later.
    /// One at a time; throws as Sweep() does.
    async::Task<std::vector<std::string>> Remeasure(std::vector<std::string> mailboxes);

    /// Whether the usage store has lost what it took, as one does that was emptied or put back to
    /// an earlier time: looks for some of it, also beside a sweep. It is told all of it again at
    /// once, and a sweep of everything is owed to it. False where the store does not answer.
    async::Task<bool> StoreHasLost();

    /// Something came or went above the mailboxes: the sweep that has begun to look for them, is
    /// measuring, or waits for the store, looks for it, tells of what is new and removes what is
    /// gone before it goes on. False where there is none.
    bool LookAgain();
    /// Whether the last sweep did not come to what LookAgain() has promised, for it has failed.
    /// Asked for once, it is up to whoever asks.
    bool OwesALook() { return !sweeping_ && std::exchange(look_again_, false); }
    /// Called with the mailboxes that LookAgain() has found, to have them measured.
    void OnAppeared(std::function<void(const std::vector<std::string>&)> function) {
        on_appeared_ = std::move(function);
    }

    const mail::MailboxLayout& Layout() const { return layout_; }
    Whereabouts Locate(const std::string& directory) const {
        return scanner::Locate(state_.places, layout_, directory);
    }

    /// Ends the sweep that is going on, if there is one, without removing anything, for the root is
    /// another directory now.
    void BreakOff();
    /// Ends what is going on: as soon as each thread has measured the mailbox that it is at.
    void Stop();
    /// After the last sweep, and before the end: waits for commits that are on their way.
    async::Task<> Finish();

    /// Called on the loop whenever mailboxes have been measured: to show progress, to save.
    void OnProgress(std::function<void()> function) { on_progress_ = std::move(function); }
    using Mailboxes = std::vector<std::string>;
    /// Called with mailboxes that are new before the usage store hears of them: to save their
    /// names. What a crash leaves in the store is found again only by what is remembered of it.
    void OnNew(std::function<void(const Mailboxes&)> function) { on_new_ = std::move(function); }
    /// Called when the usage store has lost what it had, before it is told again: to save.
    void OnMustBeSaved(std::function<void()> function) { on_must_be_saved_ = std::move(function); }
    /// As Publisher's.
    void OnStore(std::function<void(bool answers)> function) {
        publisher_.OnStore(std::move(function));
    }
    struct Progress {
        std::uint64_t measured = 0;
        std::uint64_t mailboxes = 0;
        ScanWork work;
        bool sweeping = false;
    };
    Progress CurrentProgress() const;
    const ScanTotals& TotalsSoFar() const { return tally_.all; }

    std::uint64_t Committed() const { return publisher_.Committed(); }
    std::size_t WaitingForStore() const { return publisher_.Waiting(); }

private:
    using WaitLimit = std::optional<std::chrono::milliseconds>;  // nothing: as long as it takes

    async::Task<Beginning> AskTime();
    void ForgetTimesAfter(StoreTime now);
    async::Task<> TellStoreAgain();
    bool IsToEnd() const { return stopped_ || is_broken_off_; }
    void OpenRoot();
    /// Returns the mailboxes that were not known.
    async::Task<Mailboxes> SurveyMailboxes(Thoroughness thoroughness);
    void TellOfNone();
    async::Task<> TakeInWhatCameAndWent();
    async::Task<> MeasureMailboxes(Thoroughness thoroughness, Scope scope);
    async::Task<> FinishCommitting();
    async::Task<> AskTimeInSweep();
    void SubmitAtOnce(const std::string& path, KnownMailbox& mailbox, const Beginning& began,
                      const std::shared_ptr<MeasuringRound>& round);
    async::Task<> WaitFor(std::shared_ptr<MeasuringRound> round, WaitLimit most);
    async::Task<> MeasureAgain(WaitLimit most);
    bool SubmitNextBatch(Thoroughness thoroughness, Scope scope);
    void SubmitSkipped(Thoroughness thoroughness);
    MeasuringTask TaskFor(const std::string& path, const KnownMailbox& mailbox,
                          Thoroughness thoroughness) const;
    Thoroughness ThoroughnessFor(const std::string& path, const KnownMailbox& mailbox,
                                 Thoroughness asked) const;
    void OnMeasured(MeasuringBatch& batch);
    /// `known` is null where the mailbox was removed meanwhile.
    void Take(const MeasuringBatch& batch, const MeasuringTask& task, MeasuredMailbox& measured,
              KnownMailbox* known);
    bool IsDue(const KnownMailbox& mailbox, StoreTime began) const;
    bool IsToSettle(const KnownMailbox& mailbox, StoreTime now) const;
    async::Task<> CompareWithStore();
    async::Task<> MendDomains();
    bool IsToLookIntoStore() const;
    async::Task<> RemoveVanished(StoreTime looked);
    async::Task<> DropReservationsOfAbsent();
    void SumUp();

    async::EventLoop& loop_;
    usage::UsageStore& store_;
    ScanState& state_;
    const ScannerOptions& options_;
    mail::MailboxLayout layout_;
    Pace pace_;
    Publisher publisher_;
    std::shared_ptr<const StoreFiles> files_;
    MeasuringPool pool_;
    ScanTally tally_;
    VanishedMailboxes vanished_;
    StoreComparison comparison_;
    AbsentMailboxes absent_;

    bool stopped_ = false;
    StoreTime newest_ = 0;       // that the store's clock has shown, or that a measurement is dated
    StoreTime absent_at_ = 0;    // when reservations of absent mailboxes were dropped last
    bool told_of_none_ = false;  // of a mail store without a mailbox
    bool owes_figures_ = false;  // to a store that lost them: a sweep of all is to commit them
    bool looks_for_loss_ = false;  // now
    bool owes_mending_ = true;     // of domains: until a look finds none that was wrong
    bool has_mended_ = false;      // since the last sweep was at that
    std::function<void()> on_progress_;
    std::function<void(const Mailboxes&)> on_new_;
    std::function<void()> on_must_be_saved_;
    std::function<void(const Mailboxes&)> on_appeared_;

    // Of the sweep that is going on.
    bool sweeping_ = false;
    bool is_broken_off_ = false;
    Beginning began_;
    std::chrono::steady_clock::time_point asked_again_{};  // for a later one, also where in vain
    std::string next_mailbox_;                             // where the sweep goes on
    bool exhausted_ = false;                               // every mailbox was submitted
    std::set<std::string> skipped_;                        // but these, paths
    bool look_again_ = false;
    std::size_t sweep_batches_ = 0;
    std::size_t batch_size_ = 1;
    ObstacleLog obstacles_;
    async::WakeUp sweep_goes_on_;

    // Of Remeasure().
    /// Mailboxes that took long, until when they are left alone.
    std::map<std::string, std::chrono::steady_clock::time_point> resting_;
    std::size_t change_batches_ = 0;  // of all rounds
    std::set<std::string> again_;     // to be measured once more, as of a later time
    async::WakeUp rounds_are_over_;
};

}  // namespace policyd::scanner
