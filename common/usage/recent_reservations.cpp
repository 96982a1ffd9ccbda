#include "common/usage/recent_reservations.hpp"

#include <utility>

namespace policyd::usage {

std::string RecentReservations::KeyOf(std::string_view id, std::string_view mailbox) {
    std::string key(id);
    key += '\0';
    return key.append(mailbox);
}

void RecentReservations::Remember(Held held) {
    Expire(held.at);
    if (turns_.size() >= most_) ForgetOldest();
    std::string key = KeyOf(held.id, held.mailbox);
    turns_.push_back({key, held.at});
    held_.insert_or_assign(std::move(key), std::move(held));
}

void RecentReservations::Forget(std::string_view id, std::span<const std::string> mailboxes) {
    for (const std::string& mailbox : mailboxes) held_.erase(KeyOf(id, mailbox));
}

void RecentReservations::Lost(Milliseconds at) {
    if (!lost_) lost_ = at;
}

std::vector<RecentReservations::Held> RecentReservations::Recent(Milliseconds now) {
    Expire(now);
    std::vector<Held> recent;
    recent.reserve(held_.size());
    for (const Turn& turn : turns_) {
        const auto found = held_.find(turn.key);
        if (found != held_.end() && found->second.at == turn.at &&
            (recent.empty() || recent.back().id != found->second.id ||
             recent.back().mailbox != found->second.mailbox))
            recent.push_back(found->second);
    }
    return recent;
}

bool RecentReservations::IsCurrent(const Held& held) const {
    const auto found = held_.find(KeyOf(held.id, held.mailbox));
    return found != held_.end() && found->second.at == held.at &&
           found->second.bytes == held.bytes && found->second.copies == held.copies &&
           found->second.settled == held.settled;
}

void RecentReservations::Expire(Milliseconds now) {
    while (!turns_.empty() && turns_.front().at + life_ < Time(now)) ForgetOldest();
}

void RecentReservations::ForgetOldest() {
    const Turn& oldest = turns_.front();
    const auto found = held_.find(oldest.key);
    if (found != held_.end() && found->second.at == oldest.at) held_.erase(found);
    turns_.pop_front();
}

}  // namespace policyd::usage
