#include "common/usage/recent_reservations.hpp"

#include <iterator>
#include <utility>

namespace policyd::usage {

void RecentReservations::Remember(Held held) {
    Expire(held.at);
    const auto known = index_.find({held.id, held.mailbox});
    if (known != index_.end()) Erase(known->second);
    if (order_.size() >= most_) Erase(order_.begin());
    order_.push_back(std::move(held));
    index_.emplace(PlaceOf(order_.back()), std::prev(order_.end()));
}

void RecentReservations::Forget(std::string_view id, std::span<const std::string> mailboxes) {
    for (const std::string& mailbox : mailboxes) {
        const auto known = index_.find({id, mailbox});
        if (known != index_.end()) Erase(known->second);
    }
}

void RecentReservations::Lost(Milliseconds at) {
    if (!lost_) lost_ = at;
}

std::vector<RecentReservations::Held> RecentReservations::Recent(Milliseconds now) {
    Expire(now);
    return {order_.begin(), order_.end()};
}

bool RecentReservations::IsCurrent(const Held& held) const {
    const auto found = index_.find(PlaceOf(held));
    if (found == index_.end()) return false;
    const Held& now = *found->second;
    return now.at == held.at && now.bytes == held.bytes && now.copies == held.copies &&
           now.settled == held.settled;
}

void RecentReservations::Expire(Milliseconds now) {
    while (!order_.empty() && order_.front().at + life_ < Time(now)) Erase(order_.begin());
}

void RecentReservations::Erase(Order::iterator held) {
    index_.erase(PlaceOf(*held));
    order_.erase(held);
}

}  // namespace policyd::usage
