#include "policyd/server/connection_room.hpp"

namespace policyd::server {

bool ConnectionRoom::TakeOrWait(Waiter& waiter) {
    const std::lock_guard lock(mutex_);
    if (taken_ < most_) {
        ++taken_;
        return true;
    }
    line_.push_back(&waiter);
    return false;
}

void ConnectionRoom::Return() {
    const std::lock_guard lock(mutex_);
    --taken_;
    ServeLine();
}

void ConnectionRoom::Forget(const Waiter& waiter) {
    const std::lock_guard lock(mutex_);
    std::erase(line_, &waiter);
}

bool ConnectionRoom::SomebodyWaits() const {
    const std::lock_guard lock(mutex_);
    return !line_.empty();
}

void ConnectionRoom::Allow(std::size_t most) {
    const std::lock_guard lock(mutex_);
    most_ = most;
    ServeLine();
}

void ConnectionRoom::ServeLine() {
    while (taken_ < most_ && !line_.empty()) {
        Waiter* const first = line_.front();
        line_.pop_front();
        ++taken_;
        first->OnRoom();
    }
}

}  // namespace policyd::server
