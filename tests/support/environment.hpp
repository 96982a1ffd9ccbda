#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace policyd::test {

/// The number that an environment variable holds: how long a test runs and with which seed.
inline std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
    const char* const value = std::getenv(name);
    return value == nullptr ? otherwise : std::stoull(value);
}

}  // namespace policyd::test
