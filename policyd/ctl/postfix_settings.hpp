#pragma once

#include <map>
#include <optional>
#include <string>

namespace policyd::ctl {

/// The parameters of a Postfix instance.
struct PostfixSettings {
    std::string directory;                      ///< where its main.cf is
    std::map<std::string, std::string> values;  ///< with $names expanded, as postconf -x has them
    /// What main.cf says of parameters that Postfix does not know, and postconf does not print.
    std::map<std::string, std::string> unknown;

    /// The value in force, or one that Postfix does not know; nothing for neither.
    std::optional<std::string> Find(const std::string& name) const;
};

/// Asks `postconf -c directory`. Throws std::runtime_error where that fails.
PostfixSettings ReadPostfixSettings(const std::string& directory);

}  // namespace policyd::ctl
