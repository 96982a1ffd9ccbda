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
    Put(std::move(held));
}

void RecentReservations::Put(Held held) {
    Expire(held.at);
    const auto known = index_.find(PlaceOf(held));
    if (known != index_.end()) {
        // It stays in its place, with the strings that the index points to.
        const Order::iterator there = known->second;
        held.id.swap(there->id);
        held.mailbox.swap(there->mailbox);
        *there = std::move(held);
        order_.splice(order_.end(), order_, there);
        return;
    }
    if (order_.size() >= most_) Erase(order_.begin());
    order_.push_back(std::move(held));
    index_.emplace(PlaceOf(order_.back()), std::prev(order_.end()));
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
        if (const auto known = index_.find({id, mailbox}); known != index_.end()) {
            const Held& before = *known->second;
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
    std::copy_if(order_.begin(), order_.end(), std::back_inserter(recent),
                 [teller](const Held& held) { return held.teller == teller; });
    return recent;
}

std::optional<RecentReservations::Held> RecentReservations::Current(const Held& held) const {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(PlaceOf(held));
    if (found == index_.end()) return std::nullopt;
    return *found->second;
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
    while (!order_.empty() && order_.front().at + life_ < Time(now)) Erase(order_.begin());
}

void RecentReservations::Erase(Order::iterator held) {
    index_.erase(PlaceOf(*held));
    order_.erase(held);
}

}  // namespace policyd::usage
