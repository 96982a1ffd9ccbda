#include "loadtest/recipient_count.hpp"

#include <cmath>

namespace policyd::loadtest {

namespace {

constexpr std::size_t kMost = 50;

/// The average where another recipient follows with this probability, which is less than 1.
double AverageAt(double go_on) {
    return (1 - std::pow(go_on, kMost)) / (1 - go_on);
}

}  // namespace

RecipientCount::RecipientCount(double average) {
    double low = 0;
    double high = 1 - 1e-9;
    while (high - low > 1e-9) {
        const double middle = (low + high) / 2;
        (AverageAt(middle) < average ? low : high) = middle;
    }
    go_on_percent_ = 100 * low;
}

std::size_t RecipientCount::Choose(Random& random) const {
    std::size_t count = 1;
    while (count < kMost && random.Happens(go_on_percent_)) ++count;
    return count;
}

}  // namespace policyd::loadtest
