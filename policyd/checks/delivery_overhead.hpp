#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/policy_request.hpp"
#include "common/recipients/mailbox.hpp"

namespace policyd::checks {

/// What the sizes of headers depend on beside the request.
struct DeliveryRules {
    std::string myhostname;    ///< of the Postfix that takes the mail in
    bool adds_lmtp = false;    ///< it is handed on to an LMTP server, which adds its own headers
    std::string delimiters{};  ///< recipient_delimiter: what follows one is kept on the way
};

/// An upper bound, in bytes, of what delivery adds to the size that Postfix tells at
/// END-OF-MESSAGE, or that a client declares: the headers Return-Path, X-Original-To, Delivered-To
/// and Received, with the names that are known to be in them, and Date, From and Message-Id, which
/// Postfix adds where they are missing; with LMTP also the breaks of a line that is as long as the
/// message. That each line becomes shorter by a byte is not counted, as lines are not known.
std::uint64_t EstimatedOverhead(const protocol::PolicyRequest& request, std::string_view recipient,
                                const std::vector<recipients::Mailbox>& mailboxes,
                                const DeliveryRules& rules);

}  // namespace policyd::checks
