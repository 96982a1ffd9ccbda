#include "loadtest/arrivals.hpp"

#include <algorithm>
#include <cmath>

namespace policyd::loadtest {

namespace {

std::chrono::nanoseconds Nanoseconds(double seconds) {
    return std::chrono::nanoseconds(std::llround(seconds * 1e9));
}

}  // namespace

std::uint64_t Arrivals::CountUntil(std::chrono::nanoseconds time) {
    std::uint64_t count = 0;
    while (Next() <= time) ++count;
    return count;
}

std::chrono::nanoseconds EvenArrivals::Next() {
    return Nanoseconds(static_cast<double>(arrived_++) / rate_);
}

std::chrono::nanoseconds PoissonArrivals::Next() {
    seconds_ -= std::log(1 - random_.Share()) / rate_;
    return Nanoseconds(seconds_);
}

std::chrono::nanoseconds BurstArrivals::Next() {
    return every_ * static_cast<std::int64_t>(arrived_++ / size_);
}

std::uint64_t BurstArrivals::CountUntil(std::chrono::nanoseconds time) {
    const auto bursts = static_cast<std::uint64_t>(time / every_) + 1;
    return std::max(bursts * size_, arrived_) - arrived_;
}

std::unique_ptr<Arrivals> ArrivalsAtRate(const Options& options) {
    if (options.rate <= 0) return nullptr;
    if (options.arrivals == "poisson")
        return std::make_unique<PoissonArrivals>(options.rate, options.seed);
    return std::make_unique<EvenArrivals>(options.rate);
}

std::unique_ptr<Arrivals> ArrivalsInBursts(const Options& options) {
    const std::uint64_t size =
        options.burst_size != 0 ? options.burst_size : 10 * options.connections;
    return std::make_unique<BurstArrivals>(size, Nanoseconds(options.burst_every_s));
}

}  // namespace policyd::loadtest
