#pragma once

#include <string>

#include "common/config/settings.hpp"

namespace policyd::config {

// Documents that are printed from the table of options, so that they cannot differ from it.

/// conf/policyd.toml: every option with its help; those that a mail server with virtual
/// mailboxes in MySQL needs are set, the others stand commented out with their defaults.
std::string SampleFile();

/// docs/configuration.md.
std::string MarkdownReference();

/// docs/policyd.toml.5, in man(7).
std::string ManualPage();

/// Every option with its value in `settings`, as a file that could be read again.
std::string ShowAll(const Settings& settings);

}  // namespace policyd::config
