#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/log/warning_budget.hpp"
#include "common/recipients/mail_system.hpp"
#include "common/recipients/recipient_resolver.hpp"

namespace policyd::recipients {

/// Where the mail of one final recipient goes.
struct Destination {
    enum class Fate {
        kMailbox,        ///< into `mailbox`
        kElsewhere,      ///< to `transport`, none of the mail store's or one without mailboxes here
        kDiscarded,      ///< bounce(8)'s own address
        kNoSuchMailbox,  ///< `transport` bounces it
        kRefused,        ///< its transport is error:, or it is no address
    };

    std::string address;    ///< internal
    std::string transport;  ///< with its next hop, as it is written
    Fate fate = Fate::kElsewhere;
    std::optional<Mailbox> mailbox{};
};

/// What becomes of a recipient, step by step.
struct Way {
    Resolution::Kind kind = Resolution::Kind::kNotOurs;
    std::shared_ptr<const std::string> refusal{};  ///< as in Resolution
    bool is_alias = false;
    /// Of one that is known; nothing where Postfix refuses the mail after its data, each time
    /// (ExpandAliases()).
    std::optional<std::vector<Destination>> destinations{};
};

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
    /// What Resolve() goes by, for people who want to know why. Likewise.
    async::Task<Way> Follow(std::string_view recipient);
    Resolution ResolutionOf(Way way) const;
    async::Task<Mailbox> LimitsOf(std::string_view name) override;

private:
    const MailSystem system_;
    tables::TableReader& shared_;
    log::WarningBudget warnings_{"recipients"};
};

}  // namespace policyd::recipients
