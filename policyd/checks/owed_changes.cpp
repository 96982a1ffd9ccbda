#include "policyd/checks/owed_changes.hpp"

#include <algorithm>
#include <utility>

#include "common/log/logging.hpp"
#include "common/metrics/series.hpp"

namespace policyd::checks {

namespace {

constexpr std::size_t kAtOnce = 64;

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

async::Task<void> OwedChanges::Tell(usage::UsageStore& usage, Change& change, Milliseconds now) {
    if (change.give_back.empty()) {
        change.charge.age = std::max(now - change.since, Milliseconds(0));
        co_await usage.Reserve(change.charge);
    } else {
        co_await usage.Release(change.charge.id, change.give_back, change.what);
    }
}

async::Task<void> OwedChanges::Pay(usage::UsageStore& usage, Milliseconds now) {
    std::size_t paid = 0;
    for (std::vector<Change> changes = Take(); !changes.empty(); changes = Take()) {
        bool is_down = false;
        for (std::size_t i = 0; i < changes.size() && !is_down; ++i) {
            try {
                co_await Tell(usage, changes[i], now);
                ++paid;
            } catch (const outage::UsageStoreUnavailable&) {
                changes.erase(changes.begin(), changes.begin() + static_cast<std::ptrdiff_t>(i));
                is_down = true;
            }
        }
        if (!is_down) continue;
        PutBack(std::move(changes));
        break;
    }
    if (paid > 0) log::Info("usage store: told of {} changes that it had missed", paid);
}

std::size_t OwedChanges::Size() const {
    const std::lock_guard lock(mutex_);
    return order_.size();
}

}  // namespace policyd::checks
