#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/text/inline_string.hpp"

namespace policyd::recipients {

/// A final local recipient and what may be stored there.
struct Mailbox {
    /// The name under which its usage is kept: the address that its directory stands for
    /// (`mailbox_layout`), which is also what the scanner derives from the directory.
    text::InlineString name;
    /// The address whose mail it takes, case-folded, without extension.
    std::string address;
    std::uint64_t quota_bytes = 0;     ///< 0: no limit
    std::uint64_t quota_messages = 0;  ///< 0: no limit
    /// What all mailboxes of its domain (usage::DomainOf its name) may hold together; 0: no limit.
    std::uint64_t domain_quota_bytes = 0;
    std::uint64_t domain_quota_messages = 0;  ///< likewise
    /// How many of the final recipients end in it: Postfix delivers a copy to each.
    std::uint64_t copies = 1;

    bool operator==(const Mailbox&) const = default;
};

/// What becomes of mail for one envelope recipient.
struct Resolution {
    enum class Kind {
        kNotOurs,   ///< not a domain of this system: Postfix's own restrictions decide
        kUnknown,   ///< a hosted domain, but no such recipient
        kKnown,     ///< accepted; `mailboxes` are those of its final recipients that are local
        kDeferred,  ///< refused for now by its transport, `retry:`
    };

    Kind kind = Kind::kNotOurs;
    std::vector<Mailbox> mailboxes;  ///< each once, in the order found
    /// kUnknown, kDeferred: what transport_maps or relocated_maps have for the sender, with an
    /// enhanced status code before it or without; null for nothing.
    std::shared_ptr<const std::string> refusal{};
    /// Some of the mail leaves for another system, or waits, or ends without a mailbox.
    bool any_elsewhere = false;
};

}  // namespace policyd::recipients
