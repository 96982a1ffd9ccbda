#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace policyd::config {

// What the texts of certain options must be. Each throws std::invalid_argument with what would
// have been accepted.

/// As async::ParseEndpoint takes it.
void CheckEndpoint(const std::string& text);
void CheckEndpointOrNone(const std::string& text);
void CheckUnixEndpointOrNone(const std::string& text);
/// As log::Configure takes it; whether the file can be opened shows later.
void CheckLogDestination(const std::string& text);
/// Three octal digits, after a 0 or not.
void CheckFileMode(const std::string& text);
void CheckAbsolutePath(const std::string& text);
void CheckAbsolutePathOrNone(const std::string& text);
/// An action of this service: it must not permit outright.
void CheckAction(const std::string& text);
/// The same for an outage, which must never become a permanent rejection.
void CheckTemporaryAction(const std::string& text);
/// As config::ParseFailureAction takes it.
void CheckFailureAction(const std::string& text);
void CheckFailureActionOrNone(const std::string& text);
void CheckIpAddress(const std::string& text);
/// As mail::MailboxLayout takes it.
void CheckMailboxLayout(const std::string& text);
/// sqlite:/PATH or redis: and an endpoint.
void CheckUsageStore(const std::string& text);
/// redis: and an endpoint, or empty.
void CheckRedisOrNone(const std::string& text);
/// The name of a folder, or a pattern of names, without the dot that its directory begins with.
void CheckFolderPattern(const std::string& text);
/// A percentage that a mailbox can be filled to.
void CheckPercentage(const std::string& text);
/// "average" or a number of bytes.
void CheckUndeclaredSize(const std::string& text);
/// The number of bytes; nothing for the average.
std::optional<std::uint64_t> ParseUndeclaredSize(const std::string& text);
/// "estimate" or a number of bytes.
void CheckDeliveryOverhead(const std::string& text);
/// The number of bytes; nothing for the estimate.
std::optional<std::uint64_t> ParseDeliveryOverhead(const std::string& text);
/// Empty, or a file that others may not read.
void CheckSecretFile(const std::string& text);

}  // namespace policyd::config
