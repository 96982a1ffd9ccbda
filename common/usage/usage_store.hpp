#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/task.hpp"
#include "common/outage/unavailable.hpp"
#include "common/text/clock.hpp"

namespace policyd::usage {

/// For how long a reservation counts that no measurement comes for.
inline constexpr std::chrono::hours kReservationLife{24};

/// For how long after a reservation its message may not be in the mailbox yet, where the site says
/// nothing else: the option reservation_grace.
inline constexpr std::chrono::minutes kReservationGrace{5};

/// What is known of one mailbox, or of all mailboxes of a domain together.
struct Usage {
    std::uint64_t bytes = 0;           ///< as last measured
    std::uint64_t messages = 0;        ///< as last measured
    std::uint64_t reserved_bytes = 0;  ///< accepted since, or too recently to be in it
    std::uint64_t reserved_messages = 0;
    /// When the measurement began, by the store's clock; nothing if there never was one. Always
    /// nothing for a domain, whose mailboxes are measured at different times.
    std::optional<text::WallTime> measured_at;

    bool operator==(const Usage&) const = default;
};

/// One completed measurement of a mailbox, as absolute values.
struct Measurement {
    std::string mailbox;
    std::uint64_t bytes = 0;
    std::uint64_t messages = 0;
    /// The store's time (UsageStore::Now) from before the first directory was read.
    text::WallTime began;
};

/// A mailbox that a message goes to, and the limit that it must keep; 0 is no limit.
struct Limit {
    std::string mailbox;
    std::uint64_t bytes = 0;
    std::uint64_t messages = 0;
    /// How many copies it gets: a mailbox that is reached in two ways is delivered to twice.
    std::uint64_t copies = 1;
};

/// A limit that all mailboxes of a domain keep together; 0 is no limit.
struct DomainLimit {
    std::string domain;
    std::uint64_t bytes = 0;
    std::uint64_t messages = 0;
};

/// Which mailboxes must have room for a reservation to be granted. Whatever the rule, it is made in
/// all of them or in none: the mail will be in all of them.
enum class Needs {
    kRoomInAll,
    kRoomInAny,
    /// None: the message was accepted whatever this says, because it was let through during an
    /// outage or is told again after one.
    kNoRoom,
};

/// One message that asks for room in `limits` at once, each mailbox named once.
struct Reservation {
    /// Names the message in one place for as long as reservations live: the instance and the
    /// Postfix host. The same id again is the same message: charged once, adjusted to a new size,
    /// and as old as it was until it is settled, which makes it as young as that.
    std::string id;
    std::uint64_t bytes = 0;
    std::vector<Limit> limits;
    /// What the domains of some of the mailboxes must keep, each domain named once. Nothing is held
    /// in a domain itself: what its mailboxes hold, with and without limits, is what it holds.
    std::vector<DomainLimit> domain_limits{};
    Needs needs = Needs::kRoomInAll;
    /// The message was accepted at its end. From then on it is not given back with what is
    /// unsettled, and an unsettled size, which comes late, changes nothing.
    bool settled = false;
    /// How long ago it was accepted, where the store is told late (with Needs::kNoRoom): what a
    /// measurement since, which began later by more than the reservation grace, holds already is
    /// not charged again.
    std::chrono::milliseconds age{0};
    /// A grant ends what NoteFull() has begun.
    bool ends_fullness = false;
};

/// What is given back of what a message holds.
enum class Unreserve { kWhatIsUnsettled, kEverything };

/// The answer to a reservation.
struct Reserved {
    /// Which of the limits have no room, as indexes into Reservation::limits, ascending; likewise
    /// of the domain limits. Both empty, as they are whenever it is granted: everything is
    /// reserved. Otherwise nothing was, and what the id held before stays as it was.
    std::vector<std::size_t> full;
    /// The state of each limit's mailbox without this reservation, in the order of the limits.
    std::vector<Usage> usage;
    std::vector<std::size_t> full_domains{};
    std::vector<Usage> domain_usage{};
    /// Filling::warned of each limit's mailbox.
    std::vector<std::optional<std::uint64_t>> warned{};

    bool IsGranted() const { return full.empty() && full_domains.empty(); }
};

/// How full a mailbox probably is, for whoever warns of it.
struct Filling {
    /// What was measured, and what was reserved since that was stored and is settled: what was
    /// reserved shortly before may be in it or not, and what is not settled may never come. Usage
    /// counts those as well.
    std::uint64_t bytes = 0;
    /// The percentage of its limit that was last warned of, 0 for none; nothing as long as nobody
    /// has looked.
    std::optional<std::uint64_t> warned;
    std::uint64_t messages = 0;  ///< as bytes
    /// With all that is reserved: what it may hold at most.
    std::uint64_t most_bytes = 0;
    std::uint64_t most_messages = 0;

    bool operator==(const Filling&) const = default;
};

/// What became of domains in UsageStore::MendDomains().
struct MendedDomains {
    std::vector<std::string> wrong;  ///< they are right now
    /// Left alone, since there is something else in the store than what it puts there: what it is.
    std::map<std::string, std::string> broken;
};

/// The domain that a mailbox counts for: what follows the last `@` of its name. Where there is
/// nothing of the kind it is the empty one.
std::string_view DomainOf(std::string_view mailbox);

/// Usage counters and reservations, shared by servers and scanner. Owned by one loop thread.
///
/// Every call throws outage::UsageStoreUnavailable when the store cannot tell or refuses a write;
/// whether the change was made is then unknown, and the call may safely be repeated. Arguments
/// must outlive the returned task. Counters never go below zero. Names are any bytes but zero: a
/// store keeps any two names apart, also a mailbox "@example.com" and the domain "example.com".
///
/// A domain's usage is at every moment the sum over its mailboxes, unless the store loses some of
/// what it holds (MendDomains). A reservation that nobody
/// measures is gone after kReservationLife. Where the store's clock was set back, what it dated
/// later than now counts as of now. Numbers above 2^53 are kept as 2^53.
class UsageStore {
public:
    virtual ~UsageStore() = default;

    /// Has `on_return` called whenever the store is connected to again: it may be another then, or
    /// have lost what it held. Never for a store that is a file.
    virtual void OnReturn(std::function<void()> on_return) { (void)on_return; }

    /// The store's clock, in whose time measurements are dated.
    virtual async::Task<text::WallTime> Now() = 0;

    /// Nothing for a mailbox of which the store knows nothing.
    virtual async::Task<std::optional<Usage>> Find(std::string_view mailbox) = 0;

    /// As Find(), for all mailboxes of a domain together.
    virtual async::Task<std::optional<Usage>> FindDomain(std::string_view domain) = 0;

    /// Where the store has lost some of what it held, and not by Remove(), domains may have other
    /// sums than their mailboxes: puts them right, beside whatever else changes there, and returns
    /// which were wrong. It looks at every mailbox. Nothing to do for a store that loses nothing.
    virtual async::Task<MendedDomains> MendDomains();

    /// All mailboxes of all domains together. It looks at every domain.
    virtual async::Task<Usage> FindSite() = 0;

    /// Checks all limits and reserves in one atomic step, or reserves nothing. A limit has room
    /// while bytes + reserved_bytes + max(size * copies, 1) <= limit, and messages + copies
    /// likewise: what the id itself holds already is not counted against it. Atomic for the
    /// mailboxes of one domain; where there are several domains, what one of them granted is taken
    /// back after another has refused.
    virtual async::Task<Reserved> Reserve(const Reservation& reservation) = 0;

    /// Gives back what `id` holds in these mailboxes; harmless when it holds nothing.
    virtual async::Task<void> Release(std::string_view id, std::span<const std::string> mailboxes,
                                      Unreserve what) = 0;
    async::Task<void> Release(std::string_view id, std::span<const std::string> mailboxes) {
        return Release(id, mailboxes, Unreserve::kWhatIsUnsettled);
    }

    /// Stores measurements, each mailbox named once. One that began no later than the one already
    /// stored is ignored, so late, repeated and competing scans do no harm. Reservations made
    /// before its beginning less `grace` are in it, and go; younger ones stay. What is stored from
    /// before the clock was set back gives way to any measurement; a measurement from before that
    /// counts as begun now, lets all reservations stay, and gives way to what is stored since.
    virtual async::Task<void> Commit(std::span<const Measurement> measurements,
                                     std::chrono::milliseconds grace) = 0;

    /// Forgets mailboxes that are gone: measurements and reservations.
    virtual async::Task<void> Remove(std::span<const std::string> mailboxes) = 0;

    /// The names of all mailboxes that have a measurement, in no order. Reservations that expired
    /// where nobody asks any more are dropped on the way.
    virtual async::Task<std::vector<std::string>> MeasuredMailboxes() = 0;

    /// As MeasuredMailboxes(), of all that hold reservations and were never measured.
    virtual async::Task<std::vector<std::string>> UnmeasuredMailboxes() = 0;

    /// These mailboxes were not there at `looked`, by the store's clock: in those that were never
    /// measured, reservations made before that less `grace` go, as by a measurement of nothing
    /// that is not stored. One that is dated in the future lets all reservations stay.
    virtual async::Task<void> NoteAbsent(std::span<const std::string> mailboxes,
                                         text::WallTime looked,
                                         std::chrono::milliseconds grace) = 0;

    /// Mail for these mailboxes is refused: for how long that has been so without a break, for
    /// each. Forgotten once it has not been noted again for `memory`.
    virtual async::Task<std::vector<std::chrono::milliseconds>> NoteFull(
        std::span<const std::string> mailboxes, std::chrono::milliseconds memory) = 0;
    /// There is room in these mailboxes again.
    virtual async::Task<void> NoteRoom(std::span<const std::string> mailboxes) = 0;

    /// Nothing for a mailbox of which the store knows nothing.
    virtual async::Task<std::optional<Filling>> FindFilling(std::string_view mailbox) = 0;
    /// Replaces Filling::warned: true for one of all who want to replace the same value, false also
    /// for a mailbox of which the store knows nothing.
    virtual async::Task<bool> NoteWarned(std::string_view mailbox,
                                         std::optional<std::uint64_t> from, std::uint64_t to) = 0;
    /// Takes mailboxes, no more than `most` and each for one caller only, whose figures a Commit()
    /// of a store that notes changes has changed, or that nobody has looked at yet, or that were
    /// warned of and had something reserved: that may have been what they were warned of.
    virtual async::Task<std::vector<std::string>> TakeChanged(std::size_t most) = 0;
    /// Gives back what was taken so, for others: nobody has looked at these.
    virtual async::Task<void> GiveBackChanged(std::span<const std::string> mailboxes) = 0;
};

}  // namespace policyd::usage
