#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "common/config/config_error.hpp"
#include "common/config/settings.hpp"

namespace policyd::config {

/// A configuration as its file has it.
struct ConfigFile {
    std::string path;
    Settings settings;                         ///< with $names as they are written
    std::map<std::string, std::size_t> lines;  ///< where each option that is set is set

    /// 0 for an option that the file does not set.
    std::size_t LineOf(const std::string& option) const;
};

/// Where the programs look when no --config names another.
inline constexpr const char* kDefaultPath = "/etc/policyd/policyd.toml";

/// The control_socket of the shipped configuration.
inline constexpr const char* kDefaultControlSocket = "unix:/run/policyd/control.sock";

/// Reads a file of `name = value` lines in TOML. Throws ConfigError with one line for every
/// mistake: what is not TOML, an unknown option (with the one that was probably meant), a bad
/// value, a table whose file cannot be read.
ConfigFile ReadConfigFile(const std::string& path);

/// The same for a text; `path` is for messages.
ConfigFile ParseConfig(std::string_view text, const std::string& path);

/// An error whose text begins with an option's name, with the place where the file sets it; any
/// other as it is.
ConfigError Located(const ConfigError& error, const std::string& path);

/// What the programs run with: the file's settings with $names expanded. Throws ConfigError as
/// ReadConfigFile does.
Settings LoadConfigFile(const std::string& path);

}  // namespace policyd::config
