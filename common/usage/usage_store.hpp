#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/task.hpp"
#include "common/outage/unavailable.hpp"
#include "common/text/clock.hpp"

namespace policyd::usage {

/// What is known of one mailbox (or of a domain, whose name is "@domain" with no user part).
struct Usage {
    std::uint64_t bytes = 0;           ///< as last measured
    std::uint64_t messages = 0;        ///< as last measured
    std::uint64_t reserved_bytes = 0;  ///< accepted since, or too recently to be in it
    std::uint64_t reserved_messages = 0;
    /// When the measurement began, by the store's clock; nothing if there never was one.
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

/// A limit that a reservation must keep; 0 is no limit.
struct Limit {
    std::string mailbox;
    std::uint64_t bytes = 0;
    std::uint64_t messages = 0;
};

/// One message that asks for room in all of `limits` at once.
struct Reservation {
    /// Names the message in one place for as long as reservations live: the instance and the
    /// Postfix host. The same id again is the same message: charged once, adjusted to a new size.
    std::string id;
    std::uint64_t bytes = 0;
    std::vector<Limit> limits;
    /// Reserve even where there is no room: the message was accepted whatever this says, because
    /// it was let through during an outage or is replayed after one.
    bool force = false;
};

/// The answer to a reservation.
struct Reserved {
    /// Which of the limits have no room, as indexes into Reservation::limits, ascending. Empty:
    /// everything is reserved. Otherwise nothing was, and what the id held before stays as it was.
    std::vector<std::size_t> full;
    /// The state of each limit's mailbox without this reservation, in the order of the limits.
    std::vector<Usage> usage;
};

/// Usage counters and reservations, shared by servers and scanner. Owned by one loop thread.
///
/// Every call throws outage::UsageStoreUnavailable when the store cannot tell or refuses a write;
/// whether the change was made is then unknown, and the call may safely be repeated. Arguments
/// must outlive the returned task. Counters never go below zero. Names are bytes: a store must
/// keep any two names apart.
class UsageStore {
public:
    virtual ~UsageStore() = default;

    /// The store's clock, in whose time measurements are dated.
    virtual async::Task<text::WallTime> Now() = 0;

    /// Nothing for a mailbox of which the store knows nothing.
    virtual async::Task<std::optional<Usage>> Find(std::string_view mailbox) = 0;

    /// Checks all limits and reserves in one atomic step, or reserves nothing. A limit has room
    /// while bytes + reserved_bytes + max(size, 1) <= limit, and messages + 1 likewise: what the
    /// id itself holds already is not counted against it.
    virtual async::Task<Reserved> Reserve(const Reservation& reservation) = 0;

    /// Gives back what `id` holds in these mailboxes; harmless when it holds nothing.
    virtual async::Task<void> Release(std::string_view id,
                                      std::span<const std::string> mailboxes) = 0;

    /// Stores measurements. One that began no later than the one already stored is ignored, so
    /// late, repeated and competing scans do no harm. Reservations made before its beginning less
    /// `grace` are in it, and go; younger ones stay.
    virtual async::Task<void> Commit(std::span<const Measurement> measurements,
                                     std::chrono::milliseconds grace) = 0;

    /// Forgets mailboxes that are gone: measurements and reservations.
    virtual async::Task<void> Remove(std::span<const std::string> mailboxes) = 0;

    /// The names of all mailboxes that have a measurement, in no order.
    virtual async::Task<std::vector<std::string>> MeasuredMailboxes() = 0;
};

}  // namespace policyd::usage
