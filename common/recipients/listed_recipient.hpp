#pragma once

#include <string>
#include <string_view>

#include "common/recipients/decision_lookups.hpp"
#include "common/recipients/mail_system.hpp"

namespace policyd::recipients {

/// What smtpd(8) says of a recipient by reject_unauth_destination and reject_unlisted_recipient.
enum class Listing {
    kNotOurs,   ///< relaying
    kUnlisted,  ///< refused for good
    kDeferred,  ///< refused for now
    kAlias,     ///< accepted, because some address mapping has it
    kListed,    ///< accepted by the tables of its class
};

struct ListedRecipient {
    Listing listing;
    /// kUnlisted, kDeferred: what the transport has for the sender; empty for nothing.
    std::string text{};
};

/// `address` is rewritten and internal and must outlive the returned task. Throws
/// outage::TableUnavailable.
async::Task<ListedRecipient> FindListing(const MailSystem& system, DecisionLookups& lookups,
                                         std::string_view address);

}  // namespace policyd::recipients
