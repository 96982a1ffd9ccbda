#pragma once

#include <cstddef>

#include "loadtest/random.hpp"

namespace policyd::loadtest {

/// How many recipients messages have: mostly few, and none more than 50.
class RecipientCount {
public:
    /// `average` is from 1 to 25.
    explicit RecipientCount(double average);

    std::size_t Choose(Random& random) const;

private:
    double go_on_percent_;
};

}  // namespace policyd::loadtest
