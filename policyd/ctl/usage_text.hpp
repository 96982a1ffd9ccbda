#pragma once

#include <optional>
#include <string>

#include "common/recipients/mailbox.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::ctl {

/// A mailbox with its quota and usage, indented, for people.
std::string ExplainRoom(const recipients::Mailbox& mailbox,
                        const std::optional<usage::Usage>& usage);

/// Likewise a line about all mailboxes of its domain; nothing where they have no limit together.
std::string ExplainDomainRoom(const recipients::Mailbox& mailbox,
                              const std::optional<usage::Usage>& usage);

/// The names of UsageLine's columns.
std::string UsageHeading();

/// Tab-separated: mailbox, bytes, messages, reserved bytes and messages, and when it was measured
/// (UTC, or "never").
std::string UsageLine(const std::string& mailbox, const usage::Usage& usage);

}  // namespace policyd::ctl
