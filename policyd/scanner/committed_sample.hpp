#pragma once

#include <string>
#include <vector>

#include "policyd/scanner/scan_state.hpp"

namespace policyd::scanner {

/// A mailbox of which the usage store has taken a measurement that began `at`.
struct CommittedMailbox {
    std::string path;
    StoreTime at = 0;
};

/// Some of them, to see whether the store still knows: the one that it took last, some of those
/// since `since`, and some of all; one may be there more than once. What came after a loss is
/// there; what came before it is most of the second kind where the store was put back to an earlier
/// time, and of the third where it was emptied. The same for the same `seed`.
std::vector<CommittedMailbox> SampleOfCommitted(const ScanState& state, StoreTime since,
                                                unsigned seed);

}  // namespace policyd::scanner
