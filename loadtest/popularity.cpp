#include "loadtest/popularity.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

namespace policyd::loadtest {

Popularity::Popularity(std::size_t count, double exponent) : count_(count) {
    if (count == 0) throw std::invalid_argument("there is nothing to choose from");
    if (exponent == 0) return;
    cumulative_.reserve(count);
    double sum = 0;
    for (std::size_t place = 1; place <= count; ++place) {
        sum += std::pow(static_cast<double>(place), -exponent);
        cumulative_.push_back(sum);
    }
    for (double& share : cumulative_) share /= sum;
}

std::size_t Popularity::Choose(Random& random) const {
    if (cumulative_.empty()) return random.Below(count_);
    const auto chosen = std::upper_bound(cumulative_.begin(), cumulative_.end(), random.Share());
    return std::min(static_cast<std::size_t>(chosen - cumulative_.begin()), count_ - 1);
}

double ParsePopularity(std::string_view text) {
    if (text == "uniform") return 0;
    if (text == "zipf") return 1;
    double exponent = 0;
    if (text.starts_with("zipf:")) {
        const char* end = text.data() + text.size();
        const auto parsed = std::from_chars(text.data() + 5, end, exponent);
        if (parsed.ec == std::errc() && parsed.ptr == end && exponent > 0 && exponent <= 10)
            return exponent;
    }
    throw std::invalid_argument("uniform, zipf or zipf:EXPONENT");
}

}  // namespace policyd::loadtest
