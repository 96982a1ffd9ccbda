#include "policyd/server/service_manager.hpp"

#include <systemd/sd-daemon.h>
#include <time.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace policyd::server {

namespace {

std::uint64_t MonotonicMicroseconds() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
}

void Put(PassedSockets& sockets, async::ListeningSocket socket) {
    const std::string name = socket.Name();
    if (name == "metrics") {
        sockets.metrics.emplace(std::move(socket));
    } else if (name == "control") {
        sockets.control.emplace(std::move(socket));
    } else {
        sockets.policy.push_back(std::move(socket));
    }
}

}  // namespace

PassedSockets TakePassedSockets() {
    char** names = nullptr;
    const int count = sd_listen_fds_with_names(1, &names);
    if (count < 0)
        throw std::runtime_error("sockets of the service manager: " +
                                 std::string(std::strerror(-count)));
    PassedSockets sockets;
    std::exception_ptr failure;
    for (int i = 0; i < count; ++i) {
        try {
            Put(sockets, async::ListeningSocket(SD_LISTEN_FDS_START + i, names[i]));
        } catch (...) {
            failure = std::current_exception();
        }
        std::free(names[i]);
    }
    std::free(names);
    if (failure) std::rethrow_exception(failure);
    return sockets;
}

void NotifyReady() {
    sd_notify(0, "READY=1");
}

void NotifyReloading() {
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
               static_cast<unsigned long long>(MonotonicMicroseconds()));
}

void NotifyStopping() {
    sd_notify(0, "STOPPING=1");
}

void NotifyAlive() {
    sd_notify(0, "WATCHDOG=1");
}

std::optional<std::chrono::milliseconds> WatchdogPeriod() {
    std::uint64_t microseconds = 0;
    if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
    // Twice within the time, as sd_watchdog_enabled(3) advises.
    return std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::microseconds(microseconds / 2));
}

}  // namespace policyd::server
