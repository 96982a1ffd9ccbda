#include "policyd/ctl/postfix_mistakes.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "common/config/expansion.hpp"
#include "common/config/values.hpp"
#include "common/text/utf8.hpp"
#include "policyd/ctl/sql_query.hpp"
#include "policyd/ctl/table_definition.hpp"

namespace policyd::ctl {
namespace {

using config::Strings;

/// One warning for each of the rules below that a configuration breaks.
class Mistakes {
public:
    Mistakes(const config::ConfigFile& file, const PostfixSettings& postfix, Report& report)
        : file_(file),
          settings_(config::Expanded(file.settings)),
          postfix_(postfix),
          report_(report) {}

    void LookForAll() {
        TransportQueryAnswersItsKey();
        NothingEnforcesQuotas();
        CatchAllRobsUsers();
        OwnForwardingsNeverApply();
        QueriesQuoteThemselves();
        ConnectionsAreClosedTooSoon();
        UnknownRecipientsAreRefusedOnlyForNow();
        DeliveryAgentBouncesWhatIsLetIn();
        LocalMailboxesHaveNoQuota();
    }

private:
    void TransportQueryAnswersItsKey() {
        for (const TableDefinition& table : DefinitionsOf(settings_.transport_maps)) {
            if (!SelectsItsOwnKey(table.query)) continue;
            report_.Warning(table.place +
                            ": the query answers with the key that it was asked for, so every row "
                            "names its own domain as the transport: select the column that holds "
                            "the transport");
        }
    }

    void NothingEnforcesQuotas() {
        const auto theirs = postfix_.unknown.find("virtual_mailbox_limit_maps");
        if (theirs == postfix_.unknown.end() || !settings_.virtual_mailbox_limit_maps.empty())
            return;
        report_.Warning(postfix_.MainCf("virtual_mailbox_limit_maps") +
                        ": Postfix ignores this parameter, so nothing enforces quotas: set it in " +
                        file_.path + " to virtual_mailbox_limit_maps = " +
                        config::QuotedList(config::ParseList(theirs->second)));
    }

    /// The position of the alias table that maps a user's address to itself, or the number of
    /// tables.
    std::size_t IdentityTable(const std::vector<TableDefinition>& tables) const {
        const auto identity = std::find_if(
            tables.begin(), tables.end(),
            [](const TableDefinition& table) { return SelectsItsOwnKey(table.query); });
        return static_cast<std::size_t>(identity - tables.begin());
    }

    void CatchAllRobsUsers() {
        const auto tables = DefinitionsOf(settings_.virtual_alias_maps);
        if (tables.empty() || tables.front().query.empty() || IdentityTable(tables) < tables.size())
            return;
        report_.Warning(postfix_.MainCf("virtual_alias_maps") +
                        ": no query maps the address of a user to itself: unless each user has "
                        "such a row, as PostfixAdmin and iRedMail write it, a catch-all (@domain) "
                        "takes the mail of existing users too. Add a table with a query such as "
                        "SELECT email FROM users WHERE email='%s'");
    }

    void OwnForwardingsNeverApply() {
        const auto tables = DefinitionsOf(settings_.virtual_alias_maps);
        // What stands before it may be the forwardings, and behind it what is no user's.
        if (tables.size() < 2 || IdentityTable(tables) > 0) return;
        report_.Warning(postfix_.MainCf("virtual_alias_maps") + ": " + tables.front().name +
                        " maps every user to himself before the tables behind it are asked, so a "
                        "user's own forwarding never applies: put it last");
    }

    void QueriesQuoteThemselves() {
        for (const Strings* lists :
             {&settings_.virtual_alias_maps, &settings_.virtual_mailbox_maps,
              &settings_.virtual_mailbox_domains, &settings_.transport_maps}) {
            for (const TableDefinition& table : DefinitionsOf(*lists)) {
                if (table.query.starts_with('"') || table.query.starts_with('\''))
                    report_.Warning(table.place +
                                    ": quotes around the whole query are part of it, and the "
                                    "server refuses it: leave them out");
                if (HasUnquotedPlaceholder(table.query))
                    report_.Warning(table.place +
                                    ": a placeholder stands outside quotes, so a key with blanks "
                                    "or letters breaks the query: write '%s'");
            }
        }
    }

    void ConnectionsAreClosedTooSoon() {
        for (const char* name : {"smtpd_policy_service_max_idle", "smtpd_policy_service_max_ttl"}) {
            const auto theirs = postfix_.Find(name);
            if (!theirs || !IsAsLongAs(*theirs, settings_.idle_time_limit, name)) continue;
            report_.Warning(config::ConfigError(file_.path, file_.LineOf("idle_time_limit"),
                                                "idle_time_limit is not longer than Postfix's " +
                                                    std::string(name) + " (" + *theirs +
                                                    "), so clients wait a second now and then")
                                .what());
        }
    }

    /// While mailboxes are moved, for example: policyd would refuse them for good.
    void UnknownRecipientsAreRefusedOnlyForNow() {
        if (!settings_.unknown_recipient_action.starts_with('5')) return;
        for (const char* code :
             {"unknown_virtual_mailbox_reject_code", "unknown_virtual_alias_reject_code",
              "unknown_relay_recipient_reject_code", "unknown_local_recipient_reject_code"}) {
            const auto theirs = postfix_.Find(code);
            if (theirs && theirs->starts_with('4'))
                report_.Warning(postfix_.MainCf(code) + ": is " + *theirs +
                                ", but unknown_recipient_action refuses for good: set it to \"450 "
                                "4.1.1 User unknown\"");
        }
    }

    bool HasLimits() const {
        return !settings_.virtual_mailbox_limit_maps.empty() ||
               !settings_.virtual_mailbox_message_limit_maps.empty();
    }

    /// Where the limits can be for nobody else, or the same table says who has a mailbox.
    void LocalMailboxesHaveNoQuota() {
        const std::string agent = postfix_.Find("mailbox_transport").value_or("");
        if (agent.empty() || settings_.mydestination.empty() || !HasLimits()) return;
        const auto local = DefinitionsOf(settings_.local_recipient_maps);
        const auto is_local = [&](const TableDefinition& table) {
            return std::any_of(local.begin(), local.end(), [&](const TableDefinition& other) {
                return other.name == table.name;
            });
        };
        const auto mailboxes = DefinitionsOf(settings_.virtual_mailbox_maps);
        const bool has_others =
            !settings_.virtual_mailbox_domains.empty() || !settings_.relay_domains.empty();
        if (has_others && std::none_of(mailboxes.begin(), mailboxes.end(), is_local)) return;
        report_.Warning(postfix_.MainCf("mailbox_transport") + ": is " + agent +
                        ", but mail for mydestination is in no mailbox here, and so has no quota: "
                        "have these domains in virtual_mailbox_domains instead, with "
                        "virtual_transport = " +
                        agent);
    }

    /// Only if it enforces quotas, which its own configuration says.
    void DeliveryAgentBouncesWhatIsLetIn() {
        const std::string& agent = settings_.virtual_transport;
        const bool may_enforce_quotas =
            agent == "lmtp" || agent.starts_with("lmtp:") || agent.starts_with("dovecot");
        if (!may_enforce_quotas || !HasLimits()) return;
        const auto warn = [&](const std::string& option, const std::string& value,
                              const std::string& lets_in, const std::string& wanted) {
            const std::string advice =
                option + " is \"" + value + "\": if the delivery agent (" + agent +
                ") enforces quotas, it bounces " + lets_in + ": set it to \"" + wanted +
                "\", or have the agent take such mail (Dovecot: quota_grace, or "
                "quota_full_tempfail = yes)";
            report_.Warning(config::ConfigError(file_.path, file_.LineOf(option), advice).what());
        };
        if (settings_.full_target_refuses != "any")
            warn("full_target_refuses", settings_.full_target_refuses,
                 "mail that an alias brings to a full mailbox", "any");
        if (settings_.full_at_end_of_message == "accept")
            warn("full_at_end_of_message", settings_.full_at_end_of_message,
                 "a message that turns out too large for some of its recipients", "defer");
    }

    /// False also for what is no time, which is told.
    bool IsAsLongAs(const std::string& theirs, std::chrono::milliseconds time, const char* name) {
        try {
            return config::ParseDuration(theirs) >= time;
        } catch (const std::invalid_argument& expected) {
            report_.Warning(postfix_.MainCf(name) + ": expected " + expected.what() + ", found \"" +
                            text::EscapedForLog(theirs) + '"');
            return false;
        }
    }

    const config::ConfigFile& file_;
    const config::Settings settings_;
    const PostfixSettings& postfix_;
    Report& report_;
};

}  // namespace

void WarnOfKnownMistakes(const config::ConfigFile& file, const PostfixSettings& postfix,
                         Report& report) {
    Mistakes(file, postfix, report).LookForAll();
}

}  // namespace policyd::ctl
