#pragma once

#include <string>
#include <string_view>

namespace policyd::mail {

/// Whether it is a literal such as `[192.0.2.1]` or `[IPv6:2001:db8::1]`, by the syntax that
/// Postfix goes by (valid_mailhost_literal): decimal groups, which may begin with zeros.
bool IsAddressLiteral(std::string_view domain);

/// The address in a literal, in the form that inet_ntop(3) gives it; empty if it is none. Postfix
/// has getaddrinfo(3) read it, to which a zero in front means octal.
std::string AddressInLiteral(std::string_view domain);

/// An address that may stand in brackets, as in inet_interfaces.
std::string_view WithoutBrackets(std::string_view address);

/// An IP address as a configuration has it, in the form that inet_ntop(3) gives it; empty if it is
/// none.
std::string NormalizedIpAddress(std::string_view address);

}  // namespace policyd::mail
