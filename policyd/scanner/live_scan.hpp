#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "common/async/event_loop.hpp"
#include "common/async/timer.hpp"
#include "common/async/uv_handle.hpp"
#include "policyd/scanner/change_watch.hpp"
#include "policyd/scanner/scanner.hpp"

namespace policyd::scanner {

/// Measures mailboxes shortly after something changed in them, beside the sweeps. What a watch
/// tells is where to look and nothing more; where it may have missed something, a sweep is asked
/// for. Loop thread.
class LiveScan {
public:
    enum class Sweep {
        kPlaces,  ///< mailboxes have come or gone
        kAll,     ///< anything may have changed
    };

    /// `how` is what the option scan_live says. `ask_for_sweep` is called whenever a sweep is
    /// needed. All arguments outlive this.
    LiveScan(async::EventLoop& loop, Scanner& scanner, const ScanState& state,
             const std::string& root, std::string_view how, std::chrono::milliseconds settle_time,
             std::function<void(Sweep)> ask_for_sweep);
    ~LiveScan();

    /// Begins to watch. Before the first sweep, so that nothing falls in between.
    void Start();
    /// After every sweep: watches what it found, and begins anew where the mail store is another.
    void AfterSweep();
    /// The mail store is another directory by now: watches that. Before a sweep of everything.
    void WatchAnew();

    /// Has this mailbox measured as one in which something changed.
    void MeasureSoon(const std::string& mailbox);

    /// Has these measured, the first ones first and a few at a time, so that what changes meanwhile
    /// does not wait for all of them. What is left of the last call is forgotten.
    void MeasureInTurn(std::vector<std::string> mailboxes);

    /// A sweep that goes on has found these new mailboxes: they are watched, and measured.
    void OnAppeared(const std::vector<std::string>& mailboxes);

    /// Measures what changes until Stop(). Once.
    async::Task<> Run();
    void Stop();

    /// "fanotify", "inotify" or "off".
    std::string_view Method() const;
    std::uint64_t Remeasured() const { return remeasured_; }
    std::uint64_t TimesLost() const { return times_lost_; }

private:
    void TryFanotify();
    void TryInotify();
    void Take(std::unique_ptr<ChangeWatch> watch);
    async::Task<> Settle();
    void Listen();
    void OnReadable();
    void TakeHints();
    void GiveUp(const std::string& why);
    void Sort(ChangeHints hints);
    void Follow(const std::string& mailbox);
    void TakeTurns();

    async::EventLoop& loop_;
    Scanner& scanner_;
    const ScanState& state_;
    const std::string root_;
    const std::string how_;
    const std::chrono::milliseconds settle_time_;
    std::function<void(Sweep)> ask_for_sweep_;
    std::unique_ptr<ChangeWatch> watch_;
    async::UvHandle<uv_poll_t> poll_;
    async::Timer rest_;  // between two looks at what the watch has to tell
    DirectoryStamp watched_root_;
    bool waits_for_root_ = false;       // there was none to watch
    ChangeHints hints_;                 // since the last time that mailboxes were measured
    std::set<std::string> dirty_;       // mailboxes to be measured
    std::vector<std::string> in_turn_;  // and others, the next one last
    async::WakeUp changed_;
    async::WakeUp settled_;
    async::Timer settling_;
    bool stopped_ = false;
    std::uint64_t remeasured_ = 0;
    std::uint64_t times_lost_ = 0;
};

}  // namespace policyd::scanner
