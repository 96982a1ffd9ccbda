#pragma once

#include "common/log/warning_budget.hpp"
#include "common/recipients/mail_system.hpp"
#include "common/recipients/recipient_resolver.hpp"

namespace policyd::recipients {

/// Answers as Postfix does, from Postfix's own tables: whether smtpd(8) would accept a recipient
/// (reject_unauth_destination, reject_unlisted_recipient), and in which mailboxes its mail would
/// end after the rewriting, aliasing and routing of cleanup(8), trivial-rewrite(8) and virtual(8).
class PostfixRecipientResolver final : public RecipientResolver {
public:
    /// `shared` is asked for what is not about one address; it outlives the resolver, as do the
    /// tables.
    explicit PostfixRecipientResolver(MailSystem system,
                                      tables::TableReader& shared = tables::DirectReader())
        : system_(std::move(system)), shared_(shared) {}

    async::Task<Resolution> Resolve(std::string_view recipient) override;
    async::Task<Mailbox> LimitsOf(std::string_view name) override;

private:
    const MailSystem system_;
    tables::TableReader& shared_;
    log::WarningBudget warnings_{"recipients"};
};

}  // namespace policyd::recipients
