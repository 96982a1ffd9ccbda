#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace policyd::ctl {

/// What `check_policy_service { endpoint, name=value, ... }` sets for the service, by names.
using PolicyServiceAttributes = std::map<std::string, std::string>;

/// Of elements `name=value` or `{ name = value }`. Throws std::invalid_argument, which says why,
/// for what ends smtpd with a fatal error: names that it does not know (in another case, too), and
/// values that it does not take.
PolicyServiceAttributes ParsePolicyServiceAttributes(const std::vector<std::string>& elements);

/// As smtpd takes it: a number with one of Postfix's units, or of seconds, that is not 0; it does
/// not look at what follows the unit. Throws std::invalid_argument, whose text is what would have
/// been accepted.
std::chrono::milliseconds ParsePolicyServiceTime(std::string_view text);

}  // namespace policyd::ctl
