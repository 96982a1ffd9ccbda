#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/async/event_loop.hpp"
#include "common/async/timer.hpp"
#include "common/async/wake_up.hpp"
#include "common/config/settings.hpp"
#include "common/usage/dovecot_quota_clone.hpp"
#include "common/usage/usage_store.hpp"
#include "policyd/scanner/command_line.hpp"

namespace policyd::scanner {

/// Brings the figures that Dovecot keeps in Redis into the usage store, again and again.
///
/// They have no time. Where Dovecot is the only source, what is read counts as measured when it is
/// read: Dovecot delivers, so it knows. Beside the Maildirs a figure that has changed since the
/// reading before says that something changed, and not what the mailbox holds: Dovecot writes it at
/// the end of a session, and may never have heard of what others delivered or removed. The mailbox
/// is measured then; where there is no Maildir to measure, the figure counts, as of the reading
/// before. Owned by one loop thread.
class DovecotSource {
public:
    /// Has the mailbox of this address measured soon. False where no Maildir of it was ever
    /// measured.
    using MeasureSoon = std::function<bool(const std::string& address)>;

    /// Without `measure_soon` Dovecot is the only source. All arguments outlive the source. Throws
    /// config::ConfigError.
    DovecotSource(async::EventLoop& loop, usage::UsageStore& store,
                  const config::Settings& settings, MeasureSoon measure_soon, bool accept_removals);

    /// Until Stop(), or for one reading. Logs what went wrong.
    async::Task<ExitCode> Run(bool once);
    void Stop();

private:
    void NoteStart() const;
    struct Known {
        std::uint64_t bytes = 0;
        std::uint64_t messages = 0;
        text::WallTime committed;
        text::WallTime changed;      // when it was first seen like this
        bool is_settled = false;     // committed when nothing was reserved for that any more
        bool is_of_dovecot = false;  // it had figures there; otherwise the store alone knows it
        bool is_gone = true;         // not among the figures read last
    };

    bool IsOnlySource() const { return measure_soon_ == nullptr; }
    async::Task<> ReadOnce();
    async::Task<> LookIntoStore();
    async::Task<bool> HasLostFigures();
    std::vector<usage::Measurement> News(usage::DovecotFigures figures);
    void NoteUnreadable(const std::vector<std::string>& users);
    async::Task<> RemoveGone(bool any_left);
    async::Task<> WaitForNext();

    usage::UsageStore& store_;
    const config::Settings& settings_;
    const MeasureSoon measure_soon_;
    const bool accept_removals_;
    usage::DovecotQuotaClone figures_;
    std::map<std::string, Known> known_;
    text::WallTime last_read_;
    bool has_read_ = false;
    bool knows_store_ = false;
    std::size_t withheld_ = 0;  // mailboxes that are not removed
    std::size_t gone_told_ = 0;
    bool told_of_none_ = false;
    std::size_t unreadable_ = 0;  // users, when they were last read
    bool stopped_ = false;
    async::Timer timer_;
    async::WakeUp wake_up_;
};

}  // namespace policyd::scanner
