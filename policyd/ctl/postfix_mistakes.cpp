#include "policyd/ctl/postfix_mistakes.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "common/async/endpoint.hpp"
#include "common/config/expansion.hpp"
#include "common/config/options.hpp"
#include "common/config/values.hpp"
#include "common/text/unicode.hpp"
#include "policyd/ctl/asked_services.hpp"
#include "policyd/ctl/postfix_comparison.hpp"
#include "policyd/ctl/sql_query.hpp"
#include "policyd/ctl/table_definition.hpp"

namespace policyd::ctl {
namespace {

using config::Strings;

constexpr std::string_view kPolicyService = "check_policy_service";

/// Services of master.cf by which users send mail: "submission", "587", "192.0.2.1:submissions".
bool IsForSubmission(std::string_view service) {
    service = service.substr(0, service.find('/'));
    if (const std::size_t host = service.rfind(':'); host != service.npos)
        service.remove_prefix(host + 1);
    constexpr std::string_view kNames[] = {"submission", "587", "submissions", "smtps", "465"};
    return std::find(std::begin(kNames), std::end(kNames), service) != std::end(kNames);
}

/// One warning for each of the rules below that a configuration breaks.
class Mistakes {
public:
    Mistakes(const config::ConfigFile& file, const PostfixSettings& postfix, Report& report)
        : file_(file),
          settings_(config::Expanded(file.settings)),
          postfix_(postfix),
          report_(report) {
        for (const std::string& name :
             config::ParseList(postfix_.Find("smtpd_restriction_classes").value_or("")))
            classes_[name] = postfix_.Find(name).value_or("");
    }

    void LookForAll() {
        TransportQueryAnswersItsKey();
        NothingEnforcesQuotas();
        CatchAllRobsUsers();
        OwnForwardingsNeverApply();
        QueriesQuoteThemselves();
        RestrictionsLackTheService();
        ServiceComesTooEarly();
        ClientListEndsBeforeTheService();
        SubmissionIsNotAsked();
        ServicesDifferFromMainCf();
        ConnectionsAreClosedTooSoon();
        CopiesAreMerged();
        UnknownRecipientsAreRefusedOnlyForNow();
    }

private:
    std::string MainCf(const std::string& parameter) const {
        return postfix_.directory + "/main.cf: " + parameter;
    }
    std::string MasterCf(const std::string& service, const std::string& parameter) const {
        return postfix_.directory + "/master.cf: " + service + ": -o " + parameter;
    }

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
        report_.Warning(MainCf("virtual_mailbox_limit_maps") +
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
        report_.Warning(MainCf("virtual_alias_maps") +
                        ": no table maps the address of a user to itself, so a catch-all "
                        "(@domain) takes the mail of existing users too: add one with a query such "
                        "as SELECT email FROM users WHERE email='%s'");
    }

    void OwnForwardingsNeverApply() {
        const auto tables = DefinitionsOf(settings_.virtual_alias_maps);
        const std::size_t identity = IdentityTable(tables);
        if (identity + 1 >= tables.size()) return;
        report_.Warning(MainCf("virtual_alias_maps") + ": " + tables[identity].name +
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

    std::string Restrictions(const std::string& stage) const {
        return postfix_.Find("smtpd_" + stage + "_restrictions").value_or("");
    }

    /// Whether policyd listens there; on whatever it is where only its service manager knows. A
    /// port is enough: who asks may know the host by another name.
    bool IsOurs(const std::string& service) const {
        if (settings_.listen.empty()) return true;
        async::Endpoint asked;
        try {
            asked = async::ParseEndpoint(service);
        } catch (const std::invalid_argument&) {
            return false;
        }
        return std::any_of(settings_.listen.begin(), settings_.listen.end(),
                           [&](const std::string& listener) {
                               const async::Endpoint ours = async::ParseEndpoint(listener);
                               return ours.kind == asked.kind && ours.port == asked.port &&
                                      PathOf(ours) == PathOf(asked);
                           });
    }

    /// Postfix takes a relative one to be below its queue directory.
    std::filesystem::path PathOf(const async::Endpoint& endpoint) const {
        if (endpoint.path.empty()) return {};
        return (postfix_.Find("queue_directory").value_or("") /
                std::filesystem::path(endpoint.path))
            .lexically_normal();
    }

    enum class Asks { kNothing, kOthers, kTooLate, kUs };

    Asks WhatIsAsked(const std::string& stage) {
        Asks asks = Asks::kNothing;
        std::vector<AskedService> services;
        try {
            services = ServicesAskedBy(Restrictions(stage), classes_);
        } catch (const std::invalid_argument& expected) {
            report_.Warning(MainCf("smtpd_" + stage + "_restrictions") + ": expected " +
                            expected.what());
            return Asks::kTooLate;
        }
        for (const AskedService& service : services) {
            if (!IsOurs(service.endpoint)) {
                asks = std::max(asks, Asks::kOthers);
            } else if (service.behind.empty()) {
                asks = Asks::kUs;
            } else {
                asks = std::max(asks, Asks::kTooLate);
                report_.Warning(MainCf("smtpd_" + stage + "_restrictions") + ": " +
                                service.endpoint + " stands behind " + service.behind +
                                ", and is never asked");
            }
        }
        return asks;
    }

    /// What to add, where a list does not ask policyd.
    std::string WhatToAdd(Asks asks) const {
        if (asks == Asks::kNothing)
            return ": does not ask the policy service: add check_policy_service";
        return ": asks other policy services than the one that listens on " +
               config::QuotedList(settings_.listen) + ": add check_policy_service for it";
    }

    void RestrictionsLackTheService() {
        const Asks recipients = std::max(WhatIsAsked("recipient"), WhatIsAsked("relay"));
        if (recipients < Asks::kTooLate)
            report_.Warning(MainCf("smtpd_recipient_restrictions") + WhatToAdd(recipients));
        const Asks end_of_data = WhatIsAsked("end_of_data");
        if (end_of_data < Asks::kTooLate)
            report_.Warning(MainCf("smtpd_end_of_data_restrictions") + WhatToAdd(end_of_data) +
                            "; the real size of a message is not checked");
    }

    bool AsksUs(const std::string& restrictions) const {
        const auto services = ServicesAskedBy(restrictions, classes_);
        return std::any_of(services.begin(), services.end(), [&](const AskedService& service) {
            return service.behind.empty() && IsOurs(service.endpoint);
        });
    }

    /// The same of a stage in a service of master.cf.
    bool AsksUs(const PostfixSettings::Values& own, const std::string& stage) const {
        const auto list = own.find("smtpd_" + stage + "_restrictions");
        return AsksUs(list != own.end() ? list->second : Restrictions(stage));
    }

    void SubmissionIsNotAsked() {
        for (const auto& [service, own] : postfix_.of_service) {
            if (!IsForSubmission(service) || AsksUs(own, "recipient") || AsksUs(own, "relay"))
                continue;
            for (const char* list : {"smtpd_recipient_restrictions", "smtpd_relay_restrictions"}) {
                if (!own.contains(list)) continue;
                report_.Warning(MasterCf(service, list) +
                                ": does not ask the policy service, so what users send is neither "
                                "checked nor counted before the next scan: add "
                                "check_policy_service");
                break;
            }
        }
    }

    /// policyd follows one value for all who ask it.
    void ServicesDifferFromMainCf() {
        for (const auto& [service, own] : postfix_.of_service) {
            if (!AsksUs(own, "recipient") && !AsksUs(own, "relay")) continue;
            for (const auto& [parameter, value] : own) {
                const config::Option* const option = config::FindOption(parameter);
                if (option == nullptr || !DiffersFromPostfix(settings_, *option, value)) continue;
                report_.Warning(MasterCf(service, parameter) +
                                ": policyd goes by the value that it has for all services, " +
                                config::Show(settings_, *option));
            }
        }
    }

    void ServiceComesTooEarly() {
        const std::string list = Restrictions("recipient");
        const std::size_t service = list.find(kPolicyService);
        if (service == std::string::npos) return;
        const bool guarded_before = list.find("_unauth_destination") < service;
        const bool guarded_apart =
            Restrictions("relay").find("_unauth_destination") != std::string::npos;
        if (!guarded_before && !guarded_apart)
            report_.Warning(MainCf("smtpd_recipient_restrictions") +
                            ": the policy service is asked before reject_unauth_destination: put "
                            "it behind");
    }

    void ClientListEndsBeforeTheService() {
        const Strings list = config::ParseList(Restrictions("client"));
        if (list.empty() || list.back() != "reject") return;
        report_.Warning(MainCf("smtpd_client_restrictions") +
                        ": ends with reject, so the policy service is asked about listed clients "
                        "only: to let client_access decide, empty it and set client_access_maps "
                        "and a client_access_default that refuses");
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

    void CopiesAreMerged() {
        if (postfix_.Find("enable_original_recipient") != "no") return;
        report_.Warning(
            MainCf("enable_original_recipient") +
            ": is no, so a mailbox that a message reaches by several recipients gets one "
            "copy, and each is counted until the next scan");
    }

    /// While mailboxes are moved, for example: policyd would refuse them for good.
    void UnknownRecipientsAreRefusedOnlyForNow() {
        if (!settings_.unknown_recipient_action.starts_with('5')) return;
        for (const char* code :
             {"unknown_virtual_mailbox_reject_code", "unknown_virtual_alias_reject_code",
              "unknown_relay_recipient_reject_code", "unknown_local_recipient_reject_code"}) {
            const auto theirs = postfix_.Find(code);
            if (theirs && theirs->starts_with('4'))
                report_.Warning(MainCf(code) + ": is " + *theirs +
                                ", but unknown_recipient_action refuses for good: set it to \"450 "
                                "4.1.1 User unknown\"");
        }
    }

    /// False also for what is no time, which is told.
    bool IsAsLongAs(const std::string& theirs, std::chrono::milliseconds time, const char* name) {
        try {
            return config::ParseDuration(theirs) >= time;
        } catch (const std::invalid_argument& expected) {
            report_.Warning(MainCf(name) + ": expected " + expected.what() + ", found \"" +
                            text::EscapedForLog(theirs) + '"');
            return false;
        }
    }

    const config::ConfigFile& file_;
    const config::Settings settings_;
    const PostfixSettings& postfix_;
    Report& report_;
    RestrictionClasses classes_;
};

}  // namespace

void WarnOfKnownMistakes(const config::ConfigFile& file, const PostfixSettings& postfix,
                         Report& report) {
    Mistakes(file, postfix, report).LookForAll();
}

}  // namespace policyd::ctl
