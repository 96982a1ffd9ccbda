#include "policyd/scanner/committed_sample.hpp"

#include <utility>

#include "policyd/scanner/random_sample.hpp"

namespace policyd::scanner {

std::vector<CommittedMailbox> SampleOfCommitted(const ScanState& state, StoreTime since,
                                                unsigned seed) {
    constexpr std::size_t kOfEach = 32;
    RandomSample<std::pair<const std::string, KnownMailbox>> recent(kOfEach, seed);
    RandomSample<std::pair<const std::string, KnownMailbox>> any(kOfEach, seed);
    CommittedMailbox newest;
    for (const auto& known : state.mailboxes) {
        const StoreTime at = known.second.committed_at;
        if (at == 0) continue;
        // The store may know better, and was then told nothing.
        const RecordPointer& record = known.second.record;
        if (record != nullptr && record->HasUnknownParts()) continue;
        if (at > newest.at) newest = {known.first, at};
        if (at >= since) recent.Offer(known);
        any.Offer(known);
    }
    std::vector<CommittedMailbox> sample;
    for (const auto* drawn : {&recent.Drawn(), &any.Drawn()})
        for (const auto* known : *drawn)
            sample.push_back({known->first, known->second.committed_at});
    if (newest.at != 0) sample.push_back(std::move(newest));
    return sample;
}

}  // namespace policyd::scanner
