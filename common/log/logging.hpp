#pragma once

#include <spdlog/spdlog.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace policyd::log {

/// Where log lines go and which; what each setting means is said in config/options.cpp.
struct LogSettings {
    std::string destination = "stderr";  ///< stderr, syslog, journal or file:PATH
    std::string level = "info";          ///< debug, info, warning or error
    /// Lines that may wait to be written; a program that runs for a moment has no time to make
    /// room for many. Of the first call.
    std::size_t most_waiting = 8192;
    /// Warnings and errors go to stderr as well, of a program that somebody waits for.
    bool warnings_on_stderr = false;
};

/// Whether systemd has connected stderr to its journal, which then takes lines with their level.
bool StderrIsTheJournal();

/// Whole lines that tell, without the logger, what ended a program: errors for the journal, where
/// that has them.
void SayOnStderr(std::string_view text);

/// Sets up the process's logger. `program` names it in syslog. Lines are written by a thread of
/// its own from a bounded queue that drops its oldest line when full, so that logging never holds
/// up an answer; called again (a reload), it changes where they go. Any thread may log at any time.
/// Throws std::invalid_argument for an unknown destination or level and
/// std::runtime_error for a file that cannot be opened; the logger then stays as it was.
void Configure(std::string_view program, const LogSettings& settings);

/// Does of Configure() what may throw: calling what it returns changes over, and waits for nothing.
/// Of a process that has called Configure().
std::function<void()> PrepareConfigure(std::string_view program, const LogSettings& settings);

/// Gives the log file, if there is one, to a user, who is to open it again. Throws
/// std::system_error.
void GiveFileTo(uid_t user, gid_t group);

/// Opens the log file again under its name: log rotation. The logging thread does it before the
/// next line, which this call provides; if it fails, the old file stays in use.
void Reopen();

/// Writes what is queued, as far as it is taken within two seconds, and ends the logging thread.
/// Called before main returns, when no other thread logs any more; what is logged afterwards goes
/// to stderr at once.
void Shutdown();

/// Lines that were never written: dropped because the queue was full, or refused by the
/// destination (a full disk). Any thread.
std::uint64_t LinesLost();

/// For what is costly to put together.
inline bool TellsDebug() {
    return spdlog::should_log(spdlog::level::debug);
}

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
