#include "policyd/checks/restriction_list.hpp"

#include "common/text/ascii.hpp"

namespace policyd::checks {

using text::EqualsIgnoringCase;

bool DecidesInAnyCase(std::string_view restriction) {
    return EqualsIgnoringCase(restriction, "permit") || EqualsIgnoringCase(restriction, "reject") ||
           EqualsIgnoringCase(restriction, "defer");
}

std::size_t FirstThatDecides(std::span<const std::string_view> restrictions) {
    for (std::size_t i = 0; i < restrictions.size(); ++i) {
        const bool only_warns = i > 0 &&
                                EqualsIgnoringCase(restrictions[i - 1], "warn_if_reject") &&
                                !EqualsIgnoringCase(restrictions[i], "permit");
        if (DecidesInAnyCase(restrictions[i]) && !only_warns) return i;
    }
    return restrictions.size();
}

}  // namespace policyd::checks
