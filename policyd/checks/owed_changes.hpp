#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/async/task.hpp"
#include "common/metrics/series.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::checks {

/// What the usage store is still to be told, for all threads of the process: mail that was let in
/// while the store could not be asked, and room that could not be given back then.
///
/// Of one id only the last counts, but that a charge is settled; what is being told of it is not
/// overtaken by what comes after. Bounded in number: the oldest are forgotten first. Every call may
/// be made by any thread; `now` is monotonic.
class OwedChanges {
public:
    using Milliseconds = std::chrono::milliseconds;

    explicit OwedChanges(std::size_t most) : most_(most) {}

    /// The mail was accepted now, and is to be counted whether there is room or not.
    void Charge(usage::Reservation reservation, Milliseconds now);
    void GiveBack(std::string id, std::vector<std::string> mailboxes, usage::Unreserve what);
    /// The store is about to be told otherwise. False while it is being told something of that id
    /// that must not be heard last: then it is as if the store could not be asked.
    [[nodiscard]] bool Forget(const std::string& id);

    /// Monotonic.
    using Clock = std::function<Milliseconds()>;

    /// Tells the store as much as it takes; the rest stays owed. The store outlives the task.
    async::Task<void> Pay(usage::UsageStore& usage, Clock clock);

    /// With what is being told.
    std::size_t Size() const;

private:
    struct Change {
        usage::Reservation charge;  // or only its id
        std::vector<std::string> give_back;
        usage::Unreserve what = usage::Unreserve::kEverything;
        Milliseconds since{0};
        bool was_missed = false;  ///< the store could not be told before

        bool IsCharge() const { return give_back.empty(); }
        /// It touches nothing that is settled, before or after it.
        bool SparesCharges() const {
            return !IsCharge() && what == usage::Unreserve::kWhatIsUnsettled;
        }
    };
    using Order = std::list<Change>;
    struct Telling;

    static bool Outdates(const Change& later, const Change& earlier);
    void Owe(Change change);
    std::vector<Change> Take();
    void EndTelling(Telling& telling);
    void PutBack(Change change);
    static async::Task<void> Tell(usage::UsageStore& usage, Telling& telling, std::size_t place,
                                  const Clock& clock);

    const std::size_t most_;
    // Made here: making one takes the lock under which the metrics ask for Size().
    const metrics::Counter lost_{metrics::Metric::kOwedChangesLost};
    mutable std::mutex mutex_;
    Order order_;                                             // guarded by mutex_; oldest first
    std::unordered_map<std::string, Order::iterator> index_;  // guarded by mutex_; by id
    /// Guarded by mutex_; by id, whether it spares charges.
    std::unordered_map<std::string, bool> being_told_;
};

}  // namespace policyd::checks
