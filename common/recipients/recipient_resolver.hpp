#pragma once

#include <string_view>

#include "common/async/task.hpp"
#include "common/recipients/mailbox.hpp"

namespace policyd::recipients {

/// Says what the served Postfix would do with mail for an address. Owned by one loop thread.
class RecipientResolver {
public:
    virtual ~RecipientResolver() = default;

    /// `recipient` is the policy attribute: unquoted, as the client typed it; it must outlive the
    /// returned task. Throws outage::TableUnavailable where Postfix would answer 451.
    virtual async::Task<Resolution> Resolve(std::string_view recipient) = 0;

    /// The mailbox of this name with its limits, whether it exists or not. `name` must outlive the
    /// returned task. Throws outage::TableUnavailable.
    virtual async::Task<Mailbox> LimitsOf(std::string_view name) = 0;
};

}  // namespace policyd::recipients
