#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace policyd::checks {

/// What a mailbox holds, or may hold: then 0 is no limit.
struct Contents {
    std::uint64_t bytes = 0;
    std::uint64_t messages = 0;
};

/// Mailboxes whose measurement has changed, that the usage store has handed out and that nobody has
/// looked at yet, each once: for all threads of a process, and kept by a reload. As many as the
/// store hands out. Any thread.
class ChangedMailboxes {
public:
    void Add(const std::vector<std::string>& mailboxes) {
        const std::lock_guard lock(mutex_);
        for (const std::string& mailbox : mailboxes) Add(mailbox, waiting_);
    }

    /// One that the tables tell no limits of by its name has these.
    void Add(const std::string& mailbox, const Contents& otherwise) {
        const std::lock_guard lock(mutex_);
        otherwise_[mailbox] = otherwise;
        Add(mailbox, waiting_);
    }
    /// The limits that were told with it, which are forgotten; none if none were.
    Contents TakeOtherwise(const std::string& mailbox) {
        const std::lock_guard lock(mutex_);
        const auto told = otherwise_.extract(mailbox);
        return told.empty() ? Contents() : told.mapped();
    }

    /// It could not be looked at, perhaps for what it is itself: keeps no others waiting.
    void SetAside(const std::string& mailbox) {
        const std::lock_guard lock(mutex_);
        Add(mailbox, aside_);
    }

    /// The one that has waited for longest, for the caller alone; nothing if there is none.
    std::optional<std::string> Take() {
        const std::lock_guard lock(mutex_);
        return TakeFrom(waiting_);
    }
    /// Likewise of those that were set aside.
    std::optional<std::string> TakeAside() {
        const std::lock_guard lock(mutex_);
        return TakeFrom(aside_);
    }

    /// All of them, for the caller alone.
    std::vector<std::string> TakeAll() {
        const std::lock_guard lock(mutex_);
        std::vector<std::string> all(waiting_.begin(), waiting_.end());
        all.insert(all.end(), aside_.begin(), aside_.end());
        waiting_.clear();
        aside_.clear();
        known_.clear();
        otherwise_.clear();
        return all;
    }

    /// How many wait, without those that were set aside.
    std::size_t Size() const {
        const std::lock_guard lock(mutex_);
        return waiting_.size();
    }
    std::size_t SizeAside() const {
        const std::lock_guard lock(mutex_);
        return aside_.size();
    }

private:
    void Add(const std::string& mailbox, std::deque<std::string>& to) {
        if (known_.insert(mailbox).second) to.push_back(mailbox);
    }

    std::optional<std::string> TakeFrom(std::deque<std::string>& from) {
        if (from.empty()) return std::nullopt;
        std::string first = std::move(from.front());
        from.pop_front();
        known_.erase(first);
        return first;
    }

    mutable std::mutex mutex_;
    std::deque<std::string> waiting_;                      // guarded by mutex_
    std::deque<std::string> aside_;                        // guarded by mutex_
    std::unordered_set<std::string> known_;                // guarded by mutex_; those in either
    std::unordered_map<std::string, Contents> otherwise_;  // guarded by mutex_; of some of them
};

}  // namespace policyd::checks
