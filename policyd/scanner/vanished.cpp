#include "policyd/scanner/vanished.hpp"

#include <algorithm>

namespace policyd::scanner {

std::optional<std::string> WhyNotRemoved(const Vanishing& vanishing, std::uint64_t most_percent) {
    if (vanishing.vanished == 0) return std::nullopt;
    const std::string count = std::to_string(vanishing.vanished) + " of " +
                              std::to_string(vanishing.known) + " mailboxes are gone";
    if (vanishing.root_is_empty) return count + " and the mail store is empty";
    if (vanishing.other_device) return count + " and the mail store is on another device";
    const std::uint64_t most = std::max(kMayAlwaysGo, vanishing.known * most_percent / 100);
    if (vanishing.vanished <= most) return std::nullopt;
    return count + " at once, more than " + std::to_string(most);
}

}  // namespace policyd::scanner
