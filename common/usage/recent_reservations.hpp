#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace policyd::usage {

/// What was reserved in the last seconds, to be told again to a store that may have lost it: a
/// server that was restarted from its last save, or a replica that took over. From a loss until all
/// is told the clock stands still: however long it takes, nothing is forgotten for its age.
///
/// Telling it again does no harm, as a message is charged once. Bounded in number: the oldest are
/// forgotten first. Owned by one loop thread; `now` is monotonic.
class RecentReservations {
public:
    using Milliseconds = std::chrono::milliseconds;

    struct Held {
        std::string id;
        std::string mailbox;
        std::uint64_t bytes = 0;  ///< of one copy
        std::uint64_t copies = 1;
        Milliseconds at{0};  ///< when the store was told
        bool settled = false;
        Milliseconds age{0};  ///< how long ago it was accepted when the store was told
    };

    RecentReservations(Milliseconds life, std::size_t most) : life_(life), most_(most) {}

    void Remember(Held held);
    void Forget(std::string_view id, std::span<const std::string> mailboxes);

    /// The store was lost at that moment, unless there is still something to tell from before.
    void Lost(Milliseconds at);
    /// All that was to be told has been told.
    void Told() { lost_.reset(); }

    /// What is still to be told, oldest first.
    std::vector<Held> Recent(Milliseconds now);
    /// Whether this is still what the message holds there.
    bool IsCurrent(const Held& held) const;
    std::size_t Size() const noexcept { return order_.size(); }

private:
    /// Oldest first.
    using Order = std::list<Held>;
    /// What a message holds where; the strings of the one that it is.
    struct Place {
        std::string_view id;
        std::string_view mailbox;
        bool operator==(const Place&) const = default;
    };
    struct Hash {
        std::size_t operator()(const Place& place) const noexcept {
            const std::hash<std::string_view> hash;
            return hash(place.id) * 31 + hash(place.mailbox);
        }
    };

    static Place PlaceOf(const Held& held) { return {held.id, held.mailbox}; }
    /// When it is, for what is too old: the time of the loss as long as there is one.
    Milliseconds Time(Milliseconds now) const { return lost_.value_or(now); }
    void Expire(Milliseconds now);
    void Erase(Order::iterator held);

    const Milliseconds life_;
    const std::size_t most_;
    std::optional<Milliseconds> lost_;
    Order order_;
    std::unordered_map<Place, Order::iterator, Hash> index_;
};

}  // namespace policyd::usage
