#include "common/metrics/cells.hpp"

#include <memory>
#include <mutex>
#include <set>
#include <utility>

namespace policyd::metrics::cells {
namespace {

/// Cells from here on are for series that no longer fit.
constexpr std::size_t kMostShown = kMost - 64;

struct AllCopies {
    std::mutex mutex;
    std::set<const Copy*> copies;                // guarded by mutex
    std::array<std::int64_t, kMost> ended = {};  // guarded by mutex; of threads that are gone
    std::size_t allocated = 0;                   // guarded by mutex
};

/// Never destroyed: threads may end after main has returned.
AllCopies& All() {
    static auto* const all = new AllCopies;
    return *all;
}

class OwnCopy {
public:
    OwnCopy() : copy_(std::make_unique<Copy>()) {
        const std::lock_guard lock(All().mutex);
        All().copies.insert(copy_.get());
    }
    ~OwnCopy() {
        const std::lock_guard lock(All().mutex);
        All().copies.erase(copy_.get());
        for (std::size_t i = 0; i < kMost; ++i) All().ended[i] += (*copy_)[i].load();
    }
    OwnCopy(const OwnCopy&) = delete;
    OwnCopy& operator=(const OwnCopy&) = delete;

    Copy& Get() { return *copy_; }

private:
    std::unique_ptr<Copy> copy_;
};

}  // namespace

Copy& OfThisThread() {
    thread_local OwnCopy own;
    return own.Get();
}

std::size_t Allocate(std::size_t count) {
    const std::lock_guard lock(All().mutex);
    if (All().allocated + count > kMostShown) return kMostShown;
    return std::exchange(All().allocated, All().allocated + count);
}

std::int64_t Sum(std::size_t cell) {
    const std::lock_guard lock(All().mutex);
    std::int64_t sum = All().ended[cell];
    for (const Copy* copy : All().copies) sum += (*copy)[cell].load(std::memory_order_relaxed);
    return sum;
}

}  // namespace policyd::metrics::cells
