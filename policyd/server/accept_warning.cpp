#include "policyd/server/accept_warning.hpp"

#include <chrono>
#include <mutex>
#include <optional>

#include "common/log/logging.hpp"

namespace policyd::server {

void WarnThatNobodyIsAccepted(const std::string& socket, const std::string& why) {
    constexpr std::chrono::minutes kUnsaid{10};
    static std::mutex mutex;
    static std::optional<std::chrono::steady_clock::time_point> said_at;  // guarded by mutex
    const std::lock_guard lock(mutex);
    const auto now = std::chrono::steady_clock::now();
    if (said_at && now < *said_at + kUnsaid) return;
    said_at = now;
    log::Warning("cannot accept: {}: who connects to {} has to wait", why, socket);
}

}  // namespace policyd::server
