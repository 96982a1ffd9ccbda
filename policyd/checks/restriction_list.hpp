#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace policyd::checks {

/// `permit`, `reject` and `defer`, by which a list of Postfix's restrictions (postconf(5),
/// smtpd_recipient_restrictions) ends wherever it comes to them.
bool DecidesInAnyCase(std::string_view restriction);

/// The place of the first that decides in any case, behind which Postfix looks at nothing; the size
/// of the list where none does. One behind warn_if_reject permits or says nothing.
std::size_t FirstThatDecides(std::span<const std::string_view> restrictions);

}  // namespace policyd::checks
