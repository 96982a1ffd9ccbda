#pragma once

#include <string>
#include <string_view>

#include "common/tables/client_search.hpp"
#include "common/tables/table_chain.hpp"
#include "policyd/checks/access_result.hpp"
#include "policyd/checks/policy_check.hpp"

namespace policyd::checks {

/// Which clients may talk to the mail server: access(5) tables, and what becomes of those that are
/// in none of them.
///
/// Several tables are as several check_client_access restrictions one after the other: the first
/// that permits or refuses decides, and DUNNO goes on to the next. What permits satisfies this
/// check, so that the next one is asked; it is never told to Postfix, which would skip its own
/// later restrictions. An action such as HOLD or PREPEND is answered if nothing refuses after it.
class ClientAccessCheck final : public PolicyCheck {
public:
    /// `default_action`: a policy action or DUNNO. The tables are asked through `reader`, which
    /// outlives the check.
    ClientAccessCheck(tables::TableChain tables, std::string default_action,
                      tables::ParentStyle parents = tables::ParentStyle::kDomain,
                      tables::TableReader& reader = tables::DirectReader())
        : tables_(std::move(tables)),
          default_(std::move(default_action)),
          parents_(parents),
          reader_(reader) {}

    std::string_view Name() const override { return "client_access"; }

    /// At every stage but END-OF-MESSAGE: the client was let in before its message was taken.
    /// Throws outage::TableUnavailable also for a value that is no action.
    async::Task<Verdict> Evaluate(const protocol::PolicyRequest& request) override;

private:
    /// What tables said that is no decision; the first of each kind.
    struct Asides {
        std::string if_rejected;   ///< DEFER_IF_REJECT: makes a permanent refusal temporary
        std::string if_permitted;  ///< DEFER_IF_PERMIT
        std::string other;         ///< HOLD, PREPEND, ...: Postfix takes one action only

        void Add(const std::string& action);
        Verdict Refusal(const std::string& action) const;
        Verdict Permission() const;
    };

    async::Task<AccessResult> Search(tables::LookupTable& table,
                                     const protocol::PolicyRequest& request) const;

    tables::TableChain tables_;
    std::string default_;
    tables::ParentStyle parents_;
    tables::TableReader& reader_;
};

}  // namespace policyd::checks
