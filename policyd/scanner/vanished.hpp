#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace policyd::scanner {

/// What is known when mailboxes that were there are not there any more.
struct Vanishing {
    std::uint64_t vanished = 0;
    std::uint64_t known = 0;  ///< before: the vanished ones included
    bool root_is_empty = false;
    bool other_device = false;  ///< the root is on another device than it was
};

/// So many may always go at once: a percentage of few mailboxes would be less than one.
constexpr std::uint64_t kMayAlwaysGo = 5;

/// Why it looks like a disk that is not mounted rather than like mailboxes that were removed: the
/// alarm's text. Nothing if their entries may be removed.
std::optional<std::string> WhyNotRemoved(const Vanishing& vanishing, std::uint64_t most_percent);

}  // namespace policyd::scanner
