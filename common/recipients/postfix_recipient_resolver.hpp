#pragma once

#include "common/recipients/mail_system.hpp"
#include "common/recipients/recipient_resolver.hpp"

namespace policyd::recipients {

/// Answers as Postfix does, from Postfix's own tables: whether smtpd(8) would accept a recipient
/// (reject_unauth_destination, reject_unlisted_recipient), and in which mailboxes its mail would
/// end after the rewriting, aliasing and routing of cleanup(8), trivial-rewrite(8) and virtual(8).
class PostfixRecipientResolver final : public RecipientResolver {
public:
    explicit PostfixRecipientResolver(MailSystem system) : system_(std::move(system)) {}

    /// Throws outage::TableUnavailable also for a recipient whose transport is `retry:`.
    async::Task<Resolution> Resolve(std::string_view recipient) override;

private:
    const MailSystem system_;
};

}  // namespace policyd::recipients
