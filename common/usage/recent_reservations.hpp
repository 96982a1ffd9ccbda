#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/usage/usage_store.hpp"

namespace policyd::usage {

/// What was reserved and given back in the last seconds, to be told again to a store that may have
/// lost it: a server that was restarted from its last save, or a replica that took over. From a
/// loss until all who have lost it have told all, the clock stands still: however long it takes,
/// nothing is forgotten for its age.
///
/// Telling it again does no harm, as a message is charged once. Bounded in number: the oldest are
/// forgotten first.
///
/// Shared by all threads of a process that tell the same store, each over a connection of its own:
/// a message that goes on over another connection is another thread's, and only what was told of it
/// last is to be told again. Any thread may make every call; `now` is monotonic.
class RecentReservations {
public:
    using Milliseconds = std::chrono::milliseconds;
    /// One of those who tell.
    using Teller = std::uint64_t;

    struct Held {
        std::string id;
        std::string mailbox;
        std::uint64_t bytes = 0;  ///< of one copy
        std::uint64_t copies = 1;
        Milliseconds at{0};  ///< when the store was told
        bool settled = false;
        Milliseconds age{0};  ///< how long ago it was accepted when the store was told
        /// It holds nothing: this much of what it held was given back.
        std::optional<Unreserve> given_back{};
        Teller teller = 0;

        bool operator==(const Held&) const = default;
        /// And so as old as when it was first reserved, however often that is repeated.
        bool IsUnsettled() const { return !settled && !given_back; }
    };

    explicit RecentReservations(Milliseconds life = std::chrono::seconds(30),
                                std::size_t most = 100'000)
        : life_(life), most_(most) {}

    Teller NewTeller();

    /// What the store has taken.
    void Remember(Held held);
    /// Noted before the store is told. While it is lost, only of what is known: whoever is to give
    /// back what nobody else remembers owes that to the store.
    void GiveBack(std::string_view id, std::span<const std::string> mailboxes, Unreserve what,
                  Milliseconds at, Teller teller);

    /// The store is lost to this teller, since that moment or since it was lost before and not all
    /// was told. To be called at once: what is reserved by others makes time pass.
    void Lost(Teller teller, Milliseconds at);
    /// It has told all, or tells no more.
    void Told(Teller teller);

    /// What this teller is still to tell, oldest first.
    std::vector<Held> Recent(Teller teller, Milliseconds now);
    /// This was told again at that moment, and may be lost again: it is as young as what is told
    /// for the first time. Returns what has become of it meanwhile, which is to be told as well.
    std::optional<Held> ToldAgain(const Held& held, Milliseconds at);
    /// What there is of the same message and mailbox now.
    std::optional<Held> Current(const Held& held) const;
    std::size_t Size() const;

private:
    struct Kept;
    /// Oldest first.
    using Order = std::list<Kept>;
    /// What a message holds where; the strings of the one that it is.
    struct Place {
        std::string_view id;
        std::string_view mailbox;
        bool operator==(const Place&) const = default;
    };
    /// Not noexcept: then libstdc++ keeps the hashes, and does not make those of others anew, whose
    /// texts are in no cache, to find one.
    struct Hash {
        std::size_t operator()(const Place& place) const {
            const std::hash<std::string_view> hash;
            return hash(place.id) * 31 + hash(place.mailbox);
        }
    };
    using Index = std::unordered_map<Place, Order::iterator, Hash>;
    struct Kept {
        Held held;
        Index::iterator indexed{};
    };

    static Place PlaceOf(const Held& held) { return {held.id, held.mailbox}; }
    /// When it is, for what is too old: the time of the first loss as long as there is one.
    Milliseconds Time(Milliseconds now) const;
    void Put(Held held);
    void Expire(Milliseconds now);
    void EraseOldest();

    const Milliseconds life_;
    const std::size_t most_;
    mutable std::mutex mutex_;  // guards all that follows
    Teller tellers_ = 0;
    std::map<Teller, Milliseconds> lost_;
    Order order_;
    Index index_;
};

}  // namespace policyd::usage
