#include "common/usage/recent_reservations.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace policyd::usage {

RecentReservations::Teller RecentReservations::NewTeller() {
    const std::lock_guard lock(mutex_);
    return ++tellers_;
}

void RecentReservations::Remember(Held held) {
    const std::lock_guard lock(mutex_);
    Expire(held.at);
    Put(std::move(held));
}

void RecentReservations::Put(Held held) {
    const auto known = index_.find(PlaceOf(held));
    if (known != index_.end()) {
        // It stays in its place, with the strings that the index points to.
        const Order::iterator kept = known->second;
        Held& there = kept->held;
        if (held.IsUnsettled() && there.IsUnsettled())
            held.age = std::max(held.age, held.at - there.at + there.age);
        held.id.swap(there.id);
        held.mailbox.swap(there.mailbox);
        there = std::move(held);
        order_.splice(order_.end(), order_, kept);
        return;
    }
    if (order_.size() >= most_) EraseOldest();
    Kept& kept = order_.emplace_back(Kept{std::move(held)});
    kept.indexed = index_.emplace(PlaceOf(kept.held), std::prev(order_.end())).first;
}

void RecentReservations::GiveBack(std::string_view id, std::span<const std::string> mailboxes,
                                  Unreserve what, Milliseconds at, Teller teller) {
    const std::lock_guard lock(mutex_);
    for (const std::string& mailbox : mailboxes) {
        Held held;
        held.id = id;
        held.mailbox = mailbox;
        held.at = at;
        held.given_back = what;
        held.teller = teller;
        const auto known = index_.find({id, mailbox});
        if (known == index_.end() && !lost_.empty()) continue;
        if (known != index_.end()) {
            const Held& before = known->second->held;
            if (before.settled && what == Unreserve::kWhatIsUnsettled) continue;
            if (before.given_back == Unreserve::kEverything)
                held.given_back = Unreserve::kEverything;
        }
        Put(std::move(held));
    }
}

void RecentReservations::Lost(Teller teller, Milliseconds at) {
    const std::lock_guard lock(mutex_);
    lost_.emplace(teller, at);
}

void RecentReservations::Told(Teller teller) {
    const std::lock_guard lock(mutex_);
    lost_.erase(teller);
}

std::vector<RecentReservations::Held> RecentReservations::Recent(Teller teller, Milliseconds now) {
    const std::lock_guard lock(mutex_);
    Expire(now);
    std::vector<Held> recent;
    for (const Kept& kept : order_)
        if (kept.held.teller == teller) recent.push_back(kept.held);
    return recent;
}

std::optional<RecentReservations::Held> RecentReservations::ToldAgain(const Held& held,
                                                                      Milliseconds at) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(PlaceOf(held));
    if (found == index_.end()) return std::nullopt;
    Held& known = found->second->held;
    if (known != held) return known;
    known.age += at - known.at;
    known.at = at;
    order_.splice(order_.end(), order_, found->second);
    return std::nullopt;
}

std::optional<RecentReservations::Held> RecentReservations::Current(const Held& held) const {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(PlaceOf(held));
    if (found == index_.end()) return std::nullopt;
    return found->second->held;
}

std::size_t RecentReservations::Size() const {
    const std::lock_guard lock(mutex_);
    return order_.size();
}

RecentReservations::Milliseconds RecentReservations::Time(Milliseconds now) const {
    for (const auto& [teller, at] : lost_) now = std::min(now, at);
    return now;
}

void RecentReservations::Expire(Milliseconds now) {
    while (!order_.empty() && order_.front().held.at + life_ < Time(now)) EraseOldest();
}

void RecentReservations::EraseOldest() {
    index_.erase(order_.front().indexed);
    order_.pop_front();
}

}  // namespace policyd::usage
