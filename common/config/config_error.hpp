#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace policyd::config {

/// A mistake in a configuration file, with the place to mend.
///
/// Several mistakes of one file travel as one error whose text has a line for each. That of a file
/// that cannot be read is thrown with what the system said (std::throw_with_nested).
class ConfigError : public std::runtime_error {
public:
    /// what() is "file:line: message"; `line` counts from 1, and 0 (the file as a whole) is left
    /// out.
    ConfigError(const std::string& file, std::size_t line, const std::string& message)
        : std::runtime_error(file + (line == 0 ? "" : ":" + std::to_string(line)) + ": " +
                             message) {}

    /// `text` is complete as it is: lines of the form above.
    explicit ConfigError(const std::string& text) : std::runtime_error(text) {}
};

}  // namespace policyd::config
