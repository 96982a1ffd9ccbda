#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/async/listener.hpp"

namespace policyd::server {

// What systemd, or another service manager that speaks its protocol, gives us and is told.

/// Listening sockets that the service manager has opened for us, by their FileDescriptorName=.
struct PassedSockets {
    std::vector<async::ListeningSocket> policy;     ///< all that have no name of those below
    std::optional<async::ListeningSocket> metrics;  ///< "metrics"
    std::optional<async::ListeningSocket> control;  ///< "control"
};

/// Takes them over; called once. Throws std::runtime_error for a descriptor that is no socket.
PassedSockets TakePassedSockets();

/// Each does nothing where there is no service manager.
void NotifyReady();
void NotifyReloading();
void NotifyStopping();
void NotifyAlive();

/// How often NotifyAlive() has to come; nothing where nobody watches.
std::optional<std::chrono::milliseconds> WatchdogPeriod();

}  // namespace policyd::server
