#include "common/redis/error_reply.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace policyd::redis {

namespace {

/// A replica, a server that is still loading its data, a replica without its master, and one that
/// wants another password than the one we had when we connected.
constexpr std::array<std::string_view, 5> kWrongServer{"READONLY", "LOADING", "MASTERDOWN",
                                                       "NOAUTH", "UNBLOCKED"};

/// It has no memory left, cannot save its data, or has too few replicas.
constexpr std::array<std::string_view, 3> kNoWrites{"OOM", "MISCONF", "NOREPLICAS"};

}  // namespace

ErrorClass Classify(std::string_view error) {
    const std::string_view word = error.substr(0, error.find(' '));
    if (word == "NOSCRIPT") return ErrorClass::kUnknownScript;
    const auto is_meant = [error, word](std::string_view name) {
        return word == name || error.find(" -" + std::string(name) + ' ') != std::string_view::npos;
    };
    if (std::any_of(kWrongServer.begin(), kWrongServer.end(), is_meant))
        return ErrorClass::kWrongServer;
    const bool takes_nothing = std::any_of(kNoWrites.begin(), kNoWrites.end(), is_meant);
    return takes_nothing ? ErrorClass::kNoWrites : ErrorClass::kRefused;
}

}  // namespace policyd::redis
