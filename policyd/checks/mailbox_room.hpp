#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/answer_cache.hpp"
#include "common/async/task.hpp"
#include "common/metrics/series.hpp"
#include "common/recipients/mailbox.hpp"
#include "common/usage/usage_store.hpp"
#include "policyd/checks/quota_warnings.hpp"

namespace policyd::checks {

/// Whether one full target of an alias refuses the mail for all of them.
enum class FullTargetRefuses {
    kAny,    ///< one full target is enough
    kAll,    ///< only when no target has room
    kNever,  ///< an alias is never refused; a recipient that is one mailbox is
};

/// What a mailbox's usage is worth that was measured longer ago than it should have been.
enum class StaleUsage {
    kTrust,   ///< as much as any
    kIgnore,  ///< it refuses nothing
    kDefer,   ///< what it would refuse is to be tried again
};

/// The rules for one mailbox and for several.
struct RoomRules {
    FullTargetRefuses full_target_refuses = FullTargetRefuses::kAll;
    std::uint64_t grace_percent = 0;  ///< by how much a mailbox may exceed its limit
    std::uint64_t grace_bytes = 0;    ///< and by how many bytes beside that
    /// For how long Look() goes by a copy of a mailbox's usage, and for how much longer copies
    /// serve while the store cannot be asked.
    std::chrono::milliseconds copy_time{0};
    std::chrono::milliseconds stale_time{0};
    std::size_t most_copies = 100'000;
    StaleUsage stale_usage = StaleUsage::kTrust;
    std::chrono::milliseconds usage_max_age{0};  ///< 0: usage never becomes stale
    /// For how long mail for a full mailbox is deferred before it is refused for good.
    std::chrono::milliseconds soft_time{0};
    bool is_dry_run = false;  ///< what is said is only logged
};

/// Whether mail is let in.
enum class Room {
    kFree,
    kFull,
    kUncertain,  ///< full as far as stale usage tells, and the rule is to try again
    /// Full with what is reserved, which may be in the measurement already or never come, or by a
    /// limit that may hold no more: for nobody to be refused for good.
    kPerhapsFull,
};

/// What becomes of a message for which there is room.
enum class WithRoom {
    kMayBeAborted,  ///< at RCPT
    kMayBeRefused,  ///< at its end, on account of other recipients
    kIsLetIn,       ///< at its end
};

/// What one copy of a message takes up.
struct StoredSize {
    std::uint64_t bytes = 0;
    /// No less than this is certain: where nobody told the size, nobody is refused for good by what
    /// it is taken to be.
    std::uint64_t surely = 0;
};

/// The answer for one recipient.
struct Taken {
    Room room = Room::kFree;
    std::vector<std::string> full;  ///< the mailboxes without room; also where a rule lets mail in
};

/// Room for one recipient of a message, in all the mailboxes that its mail goes to. Owned by one
/// loop thread. Everything throws outage::UsageStoreUnavailable as the store does, and arguments
/// outlive the returned tasks.
class MailboxRoom {
public:
    using Resolution = recipients::Resolution;
    using Mailboxes = std::vector<recipients::Mailbox>;

    using UsageCopies = async::AnswerCache<std::optional<usage::Usage>>;

    /// What is passed by reference outlives this; `clock` is monotonic, `wall_clock` the one that
    /// measurements go by.
    MailboxRoom(usage::UsageStore& usage, QuotaWarnings& warnings, const RoomRules& rules,
                UsageCopies::Clock clock, text::WallClock wall_clock);

    /// Takes the copies of usage that another one has made of the same store: they serve while the
    /// store cannot be asked.
    void TakeOver(MailboxRoom& predecessor);

    /// Only looks, at copies that may be as old as the rules say, whether a message of this size
    /// would be let in.
    async::Task<Taken> Look(const Resolution& resolution, StoredSize size, WithRoom with_room);

    /// A message for which all of these have room is let in: their soft time is over.
    async::Task<void> NoteRoom(const Mailboxes& mailboxes);

    /// Fetches what HasRoomAtHand() will read of a mailbox.
    void Foresee(std::string_view mailbox, async::Ahead what) const;

    /// Whether it can ever be told at hand that there is room in a mailbox with a limit.
    bool TellsAtHand() const noexcept;

    /// Whether copies that are fresh show room for it in all of them: the answer is then kFree.
    /// False where Look() has to tell.
    bool HasRoomAtHand(const Mailboxes& mailboxes, std::uint64_t bytes);

    /// Reserves room under `id`, or adjusts what `id` holds to this size, for good at the end of
    /// the message. If it is not free, `id` holds what it held before. Where a rule lets mail in
    /// although a target is full, that target is charged all the same: the mail will be there.
    /// Where the message may still be refused, whoever lets it in charges it once more.
    async::Task<Taken> Take(std::string_view id, const Resolution& resolution, StoredSize size,
                            WithRoom with_room);

    /// Charges the mailboxes whether they have room or not, for good at the end of the message.
    async::Task<void> Charge(usage::Reservation reservation, const Mailboxes& mailboxes,
                             WithRoom with_room);

    /// Whether mail for it that is let in where there is room ends the soft time.
    bool EndsFullness(const Resolution& resolution) const;

    /// What a message of this size would hold.
    usage::Reservation ReservationFor(std::string_view id, const Mailboxes& mailboxes,
                                      std::uint64_t bytes) const;
    /// The mailboxes in which it would hold something.
    static std::vector<std::string> LimitedOf(const Mailboxes& mailboxes);

    /// Mail for these mailboxes is refused now: true where that is to be for good, since all of
    /// them have been full for the soft time, which begins. Where it is nobody's mail (`message` is
    /// empty: a person asks), none begins, and it is as if none had.
    async::Task<bool> IsForGood(std::vector<std::string> full, std::string_view message);

    /// The answer by what is remembered of the store, which takes the place of a reservation: never
    /// kFull, but kUncertain. Nothing where one of the mailboxes is not remembered well enough.
    std::optional<Room> AsRemembered(const Resolution& resolution, std::uint64_t bytes);

private:
    /// What a mailbox or a domain says of a message.
    struct Fullness {
        bool is_full = false;
        bool is_stale = false;  ///< by usage that is; never of a domain
        /// Also by what was measured alone, and with a size that is certain.
        bool is_sure = false;
    };
    /// How many of the targets of a recipient have no room.
    struct FullTargets {
        std::size_t all = 0;  ///< targets, with and without room
        std::size_t full = 0;
        std::size_t stale = 0;   ///< of these, by stale usage alone
        std::size_t surely = 0;  ///< of these, by what refuses for good

        bool Add(const Fullness& mailbox, const Fullness& domain);
    };

    Room AnswerFor(const FullTargets& targets) const;
    /// The answer to a reservation that was not granted; of how many targets in all.
    Taken Refused(const usage::Reservation& reservation, std::uint64_t surely,
                  const usage::Reserved& reserved, std::size_t all) const;
    async::Task<Fullness> LookAtMailbox(const recipients::Mailbox& mailbox, StoredSize size);
    /// At the domain of the mailbox, to which that many copies go in all.
    async::Task<Fullness> LookAtDomain(const recipients::Mailbox& mailbox, std::uint64_t copies,
                                       StoredSize size);
    bool Refuses(std::size_t full, std::size_t targets) const;
    bool IsStale(const usage::Usage& usage) const;
    void Count(const usage::Reserved& reserved) const;
    void NoteMeasurement(const usage::Usage& usage) const;
    async::Task<std::optional<usage::Usage>> Find(std::string_view mailbox);
    void Remember(const usage::Reservation& reservation, const usage::Reserved& reserved);
    /// Which of the targets must have room.
    usage::Needs NeedsOf(const Resolution& resolution) const;
    std::uint64_t BytesAllowed(const recipients::Mailbox& mailbox) const;
    usage::Limit LimitOf(const recipients::Mailbox& mailbox) const;
    bool HasRoomFor(std::uint64_t bytes, const usage::Usage& usage,
                    const recipients::Mailbox& mailbox) const;

    usage::UsageStore& usage_;
    QuotaWarnings& warnings_;
    const RoomRules rules_;
    const text::WallClock wall_clock_;
    UsageCopies copies_;
    UsageCopies domain_copies_;
    const metrics::Counter granted_{metrics::Metric::kReservations, {"granted"}};
    const metrics::Counter full_{metrics::Metric::kReservations, {"full"}};
    const metrics::Largest last_scan_{metrics::Metric::kLastScan};
};

}  // namespace policyd::checks
