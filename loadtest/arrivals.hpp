#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "loadtest/options.hpp"
#include "loadtest/random.hpp"

namespace policyd::loadtest {

using Time = std::chrono::steady_clock::time_point;

/// When requests are due, whether or not the server is ready for them.
class Arrivals {
public:
    virtual ~Arrivals() = default;

    /// From the beginning of the run; never earlier than the one before.
    virtual std::chrono::nanoseconds Next() = 0;

    /// How many more come until `time`. The last call.
    virtual std::uint64_t CountUntil(std::chrono::nanoseconds time);
};

/// One request after the other, always the same time apart.
class EvenArrivals final : public Arrivals {
public:
    explicit EvenArrivals(double rate) : rate_(rate) {}
    std::chrono::nanoseconds Next() override;

private:
    double rate_;
    std::uint64_t arrived_ = 0;
};

/// As independent clients arrive: the times between them are exponentially distributed.
class PoissonArrivals final : public Arrivals {
public:
    PoissonArrivals(double rate, std::uint64_t seed) : rate_(rate), random_(seed) {}
    std::chrono::nanoseconds Next() override;

private:
    double rate_;
    Random random_;
    double seconds_ = 0;
};

/// `size` requests at once, and again `every` so often.
class BurstArrivals final : public Arrivals {
public:
    BurstArrivals(std::uint64_t size, std::chrono::nanoseconds every)
        : size_(size), every_(every) {}
    std::chrono::nanoseconds Next() override;
    /// Without counting each: bursts may be of millions.
    std::uint64_t CountUntil(std::chrono::nanoseconds time) override;

private:
    std::uint64_t size_;
    std::chrono::nanoseconds every_;
    std::uint64_t arrived_ = 0;
};

/// By --rate and --arrivals; null for a closed loop.
std::unique_ptr<Arrivals> ArrivalsAtRate(const Options& options);
/// By --burst-size and --burst-every.
std::unique_ptr<Arrivals> ArrivalsInBursts(const Options& options);

}  // namespace policyd::loadtest
