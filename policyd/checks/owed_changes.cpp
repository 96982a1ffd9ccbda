#include "policyd/checks/owed_changes.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "common/async/wake_up.hpp"
#include "common/log/logging.hpp"

namespace policyd::checks {

namespace {

/// A busy store has to answer all of them in time.
constexpr std::size_t kAtOnce = 16;

}  // namespace

void OwedChanges::Charge(usage::Reservation reservation, Milliseconds now) {
    if (reservation.limits.empty()) return;
    Change change;
    change.charge = std::move(reservation);
    change.charge.needs = usage::Needs::kNoRoom;
    change.charge.settled = true;
    change.since = now;
    Owe(std::move(change));
}

void OwedChanges::GiveBack(std::string id, std::vector<std::string> mailboxes,
                           usage::Unreserve what) {
    if (mailboxes.empty()) return;
    Change change;
    change.charge.id = std::move(id);
    change.give_back = std::move(mailboxes);
    change.what = what;
    Owe(std::move(change));
}

/// A charge is settled: what gives back the unsettled, which comes late, changes nothing.
bool OwedChanges::Outdates(const Change& later, const Change& earlier) {
    return !(earlier.IsCharge() && later.SparesCharges());
}

void OwedChanges::Owe(Change change) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(change.charge.id);
    if (found != index_.end()) {
        if (!Outdates(change, *found->second)) return;
        order_.erase(found->second);
        index_.erase(found);
    } else if (order_.size() >= most_) {
        index_.erase(order_.front().charge.id);
        order_.pop_front();
        lost_.Add();
    }
    order_.push_back(std::move(change));
    index_[order_.back().charge.id] = std::prev(order_.end());
}

bool OwedChanges::Forget(const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto being_told = being_told_.find(id);
    if (being_told != being_told_.end() && !being_told->second) return false;
    const auto found = index_.find(id);
    if (found == index_.end()) return true;
    order_.erase(found->second);
    index_.erase(found);
    return true;
}

/// The oldest, but what would overtake what another thread is telling.
std::vector<OwedChanges::Change> OwedChanges::Take() {
    const std::lock_guard lock(mutex_);
    std::vector<Change> changes;
    for (auto next = order_.begin(); next != order_.end() && changes.size() < kAtOnce;) {
        const auto change = next++;
        if (!being_told_.emplace(change->charge.id, change->SparesCharges()).second) continue;
        index_.erase(change->charge.id);
        changes.push_back(std::move(*change));
        order_.erase(change);
    }
    return changes;
}

/// Behind all others: what the store never takes must not stand in their way.
void OwedChanges::PutBack(Change change) {
    const auto later = index_.find(change.charge.id);
    if (later != index_.end()) {
        if (Outdates(*later->second, change)) return;
        order_.erase(later->second);
        index_.erase(later);
    }
    order_.push_back(std::move(change));
    index_[order_.back().charge.id] = std::prev(order_.end());
}

/// Changes that are being told at the same time.
struct OwedChanges::Telling {
    std::vector<Change> changes;
    std::vector<bool> told;
    std::size_t under_way = 0;
    async::WakeUp all_ended;

    std::size_t Told() const {
        return static_cast<std::size_t>(std::count(told.begin(), told.end(), true));
    }
    /// Of those, the ones that it could not be told of before.
    std::size_t ToldAtLast() const {
        std::size_t count = 0;
        for (std::size_t i = 0; i < changes.size(); ++i) count += told[i] && changes[i].was_missed;
        return count;
    }
};

void OwedChanges::EndTelling(Telling& telling) {
    const std::lock_guard lock(mutex_);
    for (std::size_t place = 0; place < telling.changes.size(); ++place) {
        Change& change = telling.changes[place];
        being_told_.erase(change.charge.id);
        change.was_missed = true;
        if (!telling.told[place]) PutBack(std::move(change));
    }
}

async::Task<void> OwedChanges::Tell(usage::UsageStore& usage, Telling& telling, std::size_t place,
                                    const Clock& clock) {
    Change& change = telling.changes[place];
    try {
        if (change.IsCharge()) {
            change.charge.age = std::max(clock() - change.since, Milliseconds(0));
            co_await usage.Reserve(change.charge);
        } else {
            co_await usage.Release(change.charge.id, change.give_back, change.what);
        }
        telling.told[place] = true;
    } catch (const outage::UsageStoreUnavailable&) {
        // It stays owed.
    } catch (const std::exception& error) {
        log::Error("failure: {}", error.what());
        telling.told[place] = true;
    }
    // Nothing of it is touched after this: who is woken may have no more use for it.
    if (--telling.under_way == 0) telling.all_ended.Set();
}

/// One after the other would take as many round trips as there are changes: more may come
/// meanwhile than go.
async::Task<void> OwedChanges::Pay(usage::UsageStore& usage, Clock clock) {
    std::size_t missed = 0;
    for (;;) {
        Telling telling;
        telling.changes = Take();
        const std::size_t count = telling.changes.size();
        if (count == 0) break;
        telling.told.resize(count);
        telling.under_way = count;
        for (std::size_t place = 0; place < count; ++place)
            async::Spawn(Tell(usage, telling, place, clock));
        while (telling.under_way > 0) co_await telling.all_ended.Wait();
        missed += telling.ToldAtLast();
        EndTelling(telling);
        if (telling.Told() == 0) break;
    }
    if (missed > 0) log::Info("usage store: told of {} changes that it had missed", missed);
}

std::size_t OwedChanges::Size() const {
    const std::lock_guard lock(mutex_);
    return order_.size() + being_told_.size();
}

}  // namespace policyd::checks
