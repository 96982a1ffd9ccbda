#pragma once

#include <string>
#include <string_view>

namespace policyd::mail {

/// Whether mail can be addressed to a domain: a host name of labels of at most 63 letters, digits,
/// hyphens and underscores, at most 255 bytes together and not all numbers, or an
/// internationalized one that becomes such a name.
bool IsValidDomain(std::string_view domain);

}  // namespace policyd::mail
