#pragma once

#include <spdlog/spdlog.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace policyd::log {

/// Where log lines go and which; what each setting means is said in config/options.cpp.
struct LogSettings {
    std::string destination = "stderr";  ///< stderr, syslog, journal or file:PATH
    std::string level = "info";          ///< debug, info, warning or error
};

/// Sets up the process's logger. `program` names it in syslog. Lines are written by a thread of
/// its own from a bounded queue that drops its oldest line when full, so that logging never holds
/// up an answer. Throws std::invalid_argument for an unknown destination or level and
/// std::runtime_error for a file that cannot be opened; the logger then stays as it was.
void Configure(std::string_view program, const LogSettings& settings);

/// Opens the log file again under its name: log rotation.
void Reopen();

/// Writes what is queued and ends the logging thread. Before main returns.
void Shutdown();

/// Each message begins with a stable word to search for. Values that came from outside go through
/// text::EscapedForLog and are never the format string.
template <typename... Args>
void Debug(spdlog::format_string_t<Args...> format, Args&&... args) {
    spdlog::debug(format, std::forward<Args>(args)...);
}
template <typename... Args>
void Info(spdlog::format_string_t<Args...> format, Args&&... args) {
    spdlog::info(format, std::forward<Args>(args)...);
}
template <typename... Args>
void Warning(spdlog::format_string_t<Args...> format, Args&&... args) {
    spdlog::warn(format, std::forward<Args>(args)...);
}
template <typename... Args>
void Error(spdlog::format_string_t<Args...> format, Args&&... args) {
    spdlog::error(format, std::forward<Args>(args)...);
}

}  // namespace policyd::log
