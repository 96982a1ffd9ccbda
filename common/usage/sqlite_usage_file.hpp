#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/sqlite/database.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::usage {

/// The file of an SqliteUsageStore, as one thread has it open. Any error closes it, and the next
/// call opens it anew: whatever went wrong, nothing half-done stays behind.
class SqliteUsageFile {
public:
    struct Options {
        std::string path;
        text::WallClock clock = &text::SystemWallTime;  ///< the store's time
        std::chrono::milliseconds reservation_life = kReservationLife;
        std::chrono::milliseconds reservation_grace = kReservationGrace;
        bool notes_changes = false;  ///< for TakeChanged()
    };

    explicit SqliteUsageFile(Options options);

    using Clock = std::chrono::steady_clock;

    /// `function(file)` in one transaction, to which Now() gives one time. Throws
    /// outage::UsageStoreUnavailable; who waited, since he `asked`, while the file could not be
    /// used for another does not wait for it again.
    template <typename Function>
    auto Transact(Function function, Clock::time_point asked);

    text::WallTime Now() const { return now_; }

    // Each within Transact(), as the store's contract has it.
    std::optional<Usage> Find(std::string_view mailbox);
    std::optional<Usage> FindDomain(std::string_view domain);
    Usage FindSite();
    Reserved Reserve(const Reservation& reservation);
    void Release(std::string_view id, std::string_view mailbox, Unreserve what);
    void Commit(const Measurement& measurement, std::chrono::milliseconds grace);
    void Remove(std::string_view mailbox);
    std::vector<std::string> MeasuredMailboxes();
    std::vector<std::string> UnmeasuredMailboxes();
    void NoteAbsent(std::string_view mailbox, text::WallTime looked,
                    std::chrono::milliseconds grace);
    std::chrono::milliseconds NoteFull(std::string_view mailbox, std::chrono::milliseconds memory);
    void NoteRoom(std::string_view mailbox);
    std::optional<Filling> FindFilling(std::string_view mailbox);
    bool NoteWarned(std::string_view mailbox, std::optional<std::uint64_t> from, std::uint64_t to);
    std::vector<std::string> TakeChanged(std::size_t most);
    /// Has TakeChanged() hand it out.
    void NoteChanged(std::string_view mailbox);

private:
    struct Held {
        std::uint64_t bytes = 0;
        std::uint64_t copies = 0;
        bool stays = false;  ///< whatever is reserved now
    };

    /// Again where another file has taken its place: what is written to one that was removed is
    /// lost.
    void Open();
    /// Whether what is told late is in the measurement that is stored.
    bool IsMeasured(const Reservation& reservation, std::string_view mailbox);
    /// What a message holds in a mailbox.
    Held HeldBy(const Reservation& reservation, std::string_view mailbox);
    bool IsKnown(std::string_view mailbox);
    std::optional<std::uint64_t> WarnedOf(std::string_view mailbox);
    /// What it was warned of, where nothing is known of the mailbox any more.
    void ForgetUnknown(std::string_view mailbox);
    void Hold(const Reservation& reservation, const Limit& limit);
    /// Every call brings the reservations of its domain up to date first: what expired goes, what
    /// is dated later than now is dated now.
    void BringUpToDate(std::string_view domain);
    /// What expired in any domain goes.
    void DropExpired();
    Usage MailboxWithout(std::string_view id, std::string_view mailbox);
    /// Without what the message holds in those of the domain's mailboxes that it asks for.
    Usage DomainWithout(const Reservation& reservation, std::string_view domain);
    bool HasExpired(std::string_view mailbox);
    bool HasChanged(const Measurement& measurement);
    std::int64_t Oldest() const;
    std::int64_t Ahead() const;

    const Options options_;
    text::WallTime now_;
    std::optional<sqlite::Database> database_;
    dev_t device_ = 0;  // of the file that is open
    ino_t inode_ = 0;
    std::string failure_;  // the last one
    Clock::time_point failed_at_{};
};

template <typename Function>
auto SqliteUsageFile::Transact(Function function, Clock::time_point asked) {
    if (asked < failed_at_) throw outage::UsageStoreUnavailable(failure_);
    try {
        Open();
        sqlite::Transaction transaction(*database_);
        now_ = options_.clock();
        auto result = function(*this);
        transaction.Commit();
        return result;
    } catch (const sqlite::Error& error) {
        database_.reset();
        failure_ = error.what();
        failed_at_ = Clock::now();
        const int kind = error.Code() & 0xff;  // without what SQLite adds to it
        if (kind == SQLITE_FULL || kind == SQLITE_READONLY || error.Code() == SQLITE_IOERR_WRITE)
            throw outage::UsageStoreTakesNothing(failure_);
        throw outage::UsageStoreUnavailable(failure_);
    }
}

}  // namespace policyd::usage
