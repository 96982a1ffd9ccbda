#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace policyd::checks {

/// Mailboxes whose measurement has changed, that the usage store has handed out and that nobody has
/// looked at yet: for all threads of a process, and kept by a reload. Any thread.
class ChangedMailboxes {
public:
    void Add(const std::vector<std::string>& mailboxes) {
        const std::lock_guard lock(mutex_);
        waiting_.insert(waiting_.end(), mailboxes.begin(), mailboxes.end());
    }

    /// The one that has waited for longest, for the caller alone; nothing if there is none.
    std::optional<std::string> Take() {
        const std::lock_guard lock(mutex_);
        if (waiting_.empty()) return std::nullopt;
        std::string first = std::move(waiting_.front());
        waiting_.pop_front();
        return first;
    }

    std::size_t Size() const {
        const std::lock_guard lock(mutex_);
        return waiting_.size();
    }

private:
    mutable std::mutex mutex_;
    std::deque<std::string> waiting_;  // guarded by mutex_
};

}  // namespace policyd::checks
