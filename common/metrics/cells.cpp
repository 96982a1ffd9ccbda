#include "common/metrics/cells.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

namespace policyd::metrics::cells {
namespace {

struct AllCopies {
    std::mutex mutex;
    std::set<const Copy*> copies;                // guarded by mutex
    std::array<std::int64_t, kMost> ended = {};  // guarded by mutex; of threads that are gone
    std::size_t allocated = 0;                   // guarded by mutex
    /// Given back: the first cells, by how many there are.
    std::map<std::size_t, std::vector<std::size_t>> spare;  // guarded by mutex

    /// Needs the lock.
    std::int64_t Sum(std::size_t cell) const {
        std::int64_t sum = ended[cell];
        for (const Copy* copy : copies) sum += (*copy)[cell].load(std::memory_order_relaxed);
        return sum;
    }
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
    std::vector<std::size_t>& spare = All().spare[count];
    if (!spare.empty()) {
        const std::size_t first = spare.back();
        spare.pop_back();
        return first;
    }
    if (All().allocated + count > kMostShown) return kMostShown;
    return std::exchange(All().allocated, All().allocated + count);
}

void GiveBack(std::size_t first, std::size_t count) {
    if (first == kMostShown) return;
    const std::lock_guard lock(All().mutex);
    // The copies are their threads' to write.
    for (std::size_t i = first; i < first + count; ++i) All().ended[i] -= All().Sum(i);
    All().spare[count].push_back(first);
}

std::int64_t Sum(std::size_t cell) {
    const std::lock_guard lock(All().mutex);
    return All().Sum(cell);
}

}  // namespace policyd::metrics::cells
