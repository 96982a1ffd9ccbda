#include "policyd/checks/owed_changes.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "common/async/wake_up.hpp"
#include "common/log/logging.hpp"
#include "common/metrics/series.hpp"

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

void OwedChanges::Owe(Change change) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(change.charge.id);
    if (found != index_.end()) {
        const bool is_charge = found->second->give_back.empty();
        const bool spares_charges = change.what == usage::Unreserve::kWhatIsUnsettled;
        if (is_charge && !change.give_back.empty() && spares_charges) return;
        order_.erase(found->second);
        index_.erase(found);
    } else if (order_.size() >= most_) {
        index_.erase(order_.front().charge.id);
        order_.pop_front();
        metrics::Counter(metrics::Metric::kOwedChangesLost).Add();
    }
    order_.push_back(std::move(change));
    index_[order_.back().charge.id] = std::prev(order_.end());
}

void OwedChanges::Forget(const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(id);
    if (found == index_.end()) return;
    order_.erase(found->second);
    index_.erase(found);
}

std::vector<OwedChanges::Change> OwedChanges::Take() {
    const std::lock_guard lock(mutex_);
    std::vector<Change> changes;
    while (!order_.empty() && changes.size() < kAtOnce) {
        index_.erase(order_.front().charge.id);
        changes.push_back(std::move(order_.front()));
        order_.pop_front();
    }
    return changes;
}

void OwedChanges::PutBack(std::vector<Change> changes) {
    const std::lock_guard lock(mutex_);
    for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
        if (index_.contains(change->charge.id)) continue;  // it counts what came meanwhile
        order_.push_front(std::move(*change));
        index_[order_.front().charge.id] = order_.begin();
    }
}

/// Changes that are being told at the same time.
struct OwedChanges::Telling {
    std::vector<Change> changes;
    std::vector<Change> not_told;
    std::size_t under_way = 0;
    async::WakeUp all_ended;
};

async::Task<void> OwedChanges::Tell(usage::UsageStore& usage, Telling& telling, std::size_t place,
                                    Milliseconds now) {
    Change& change = telling.changes[place];
    try {
        if (change.give_back.empty()) {
            change.charge.age = std::max(now - change.since, Milliseconds(0));
            co_await usage.Reserve(change.charge);
        } else {
            co_await usage.Release(change.charge.id, change.give_back, change.what);
        }
    } catch (const outage::UsageStoreUnavailable&) {
        telling.not_told.push_back(std::move(change));
    } catch (const std::exception& error) {
        log::Error("failure: {}", error.what());
    }
    // Nothing of it is touched after this: who is woken may have no more use for it.
    if (--telling.under_way == 0) telling.all_ended.Set();
}

/// One after the other would take as many round trips as there are changes: more may come
/// meanwhile than go.
async::Task<void> OwedChanges::Pay(usage::UsageStore& usage, Milliseconds now) {
    std::size_t paid = 0;
    for (;;) {
        Telling telling;
        telling.changes = Take();
        if (telling.changes.empty()) break;
        telling.under_way = telling.changes.size();
        for (std::size_t place = 0; place < telling.changes.size(); ++place)
            async::Spawn(Tell(usage, telling, place, now),
                         [](std::exception_ptr failure) { std::rethrow_exception(failure); });
        while (telling.under_way > 0) co_await telling.all_ended.Wait();
        paid += telling.changes.size() - telling.not_told.size();
        if (telling.not_told.empty()) continue;
        PutBack(std::move(telling.not_told));
        break;
    }
    if (paid > 0) log::Info("usage store: told of {} changes that it had missed", paid);
}

std::size_t OwedChanges::Size() const {
    const std::lock_guard lock(mutex_);
    return order_.size();
}

}  // namespace policyd::checks
