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

/// The port of a service of master.cf, "smtp/inet" or "192.0.2.1:25/inet", as it is written.
std::string_view PortOf(std::string_view service) {
    service = service.substr(0, service.find('/'));
    const std::size_t host = service.rfind(':');
    return host == service.npos ? service : service.substr(host + 1);
}

/// Services by which users send mail.
bool IsForSubmission(std::string_view service) {
    constexpr std::string_view kPorts[] = {"submission", "587", "submissions", "smtps", "465"};
    return std::find(std::begin(kPorts), std::end(kPorts), PortOf(service)) != std::end(kPorts);
}

/// Services by which other systems do: also smtpd behind postscreen(8).
bool IsForMailServers(std::string_view service) {
    const bool is_on_port = PortOf(service) == "smtp" || PortOf(service) == "25";
    return service == "smtpd/pass" || (is_on_port && service.ends_with("/inet"));
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
        FilteredMailIsCountedTwice();
        ServicesDifferFromMainCf();
        ConnectionsAreClosedTooSoon();
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
                        ": no query maps the address of a user to itself: unless each user has "
                        "such a row, as PostfixAdmin and iRedMail write it, a catch-all (@domain) "
                        "takes the mail of existing users too. Add a table with a query such as "
                        "SELECT email FROM users WHERE email='%s'");
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

    struct List {
        std::string place;
        std::string restrictions;
    };

    /// As the service for other mail servers has it.
    List ListOf(const std::string& stage) const {
        const std::string parameter = "smtpd_" + stage + "_restrictions";
        for (const auto& [service, own] : postfix_.of_service)
            if (const auto list = own.find(parameter);
                IsForMailServers(service) && list != own.end())
                return {MasterCf(service, parameter), list->second};
        return {MainCf(parameter), Restrictions(stage)};
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
        const List list = ListOf(stage);
        std::vector<AskedService> services;
        try {
            services = ServicesAskedBy(list.restrictions, classes_);
        } catch (const std::invalid_argument& expected) {
            report_.Warning(list.place + ": expected " + expected.what());
            return Asks::kTooLate;
        }
        for (const AskedService& service : services) {
            if (!IsOurs(service.endpoint)) {
                asks = std::max(asks, Asks::kOthers);
            } else if (service.behind.empty()) {
                asks = Asks::kUs;
            } else {
                asks = std::max(asks, Asks::kTooLate);
                report_.Warning(list.place + ": " + service.endpoint + " stands behind " +
                                service.behind + ", and is never asked");
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
            report_.Warning(ListOf("recipient").place + WhatToAdd(recipients));
        const Asks end_of_data = WhatIsAsked("end_of_data");
        if (end_of_data < Asks::kTooLate)
            report_.Warning(ListOf("end_of_data").place + WhatToAdd(end_of_data) +
                            "; the real size of a message is not checked");
    }

    /// Nobody where the list cannot be read, which WhatIsAsked() tells.
    std::vector<AskedService> AskedBy(const std::string& restrictions) const {
        try {
            return ServicesAskedBy(restrictions, classes_);
        } catch (const std::invalid_argument&) {
            return {};
        }
    }

    bool AsksUs(const std::string& restrictions) const {
        const auto services = AskedBy(restrictions);
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
        for (const auto& [service, own] : postfix_.of_service) {
            const char* const list = "smtpd_end_of_data_restrictions";
            if (!IsForSubmission(service) || !own.contains(list) || AsksUs(own, "end_of_data"))
                continue;
            report_.Warning(MasterCf(service, list) +
                            ": does not ask the policy service, so the real size of what users "
                            "send is not checked: add check_policy_service");
        }
    }

    /// A parameter of main.cf, or of any service.
    bool IsSetSomewhere(const std::string& parameter) const {
        if (!postfix_.Find(parameter).value_or("").empty()) return true;
        return std::any_of(postfix_.of_service.begin(), postfix_.of_service.end(),
                           [&](const auto& service) {
                               const auto own = service.second.find(parameter);
                               return own != service.second.end() && !own->second.empty();
                           });
    }

    /// What a filter gives back is another message to policyd, which the one before it keeps the
    /// room of.
    void FilteredMailIsCountedTwice() {
        if (!IsSetSomewhere("content_filter") && !IsSetSomewhere("smtpd_proxy_filter")) return;
        for (const auto& [service, own] : postfix_.of_service) {
            if (!service.ends_with("/inet") || IsForMailServers(service) ||
                IsForSubmission(service))
                continue;
            const bool asks_of_recipients = AsksUs(own, "recipient") || AsksUs(own, "relay");
            if (asks_of_recipients || !own.contains("smtpd_recipient_restrictions") ||
                !AsksUs(own, "end_of_data"))
                continue;
            report_.Warning(MasterCf(service, "smtpd_recipient_restrictions") +
                            ": the policy service is not asked about recipients here, but at the "
                            "end of messages: if a filter gives its mail back here, that is "
                            "counted twice, and deferred where there is room for it once: add -o "
                            "smtpd_end_of_data_restrictions=");
        }
    }

    /// policyd follows one value for all who ask it.
    void ServicesDifferFromMainCf() {
        for (const auto& [service, own] : postfix_.of_service) {
            const bool is_smtpd = service.ends_with("/inet") || service.ends_with("/pass");
            if (!is_smtpd || (!AsksUs(own, "recipient") && !AsksUs(own, "relay"))) continue;
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
        // Postfix looks at smtpd_relay_restrictions first.
        const bool guarded_apart =
            ListOf("relay").restrictions.find("_unauth_destination") != std::string::npos;
        for (const char* stage : {"relay", "recipient"}) {
            const bool is_guarded = guarded_apart && std::string_view(stage) == "recipient";
            const List list = ListOf(stage);
            if (is_guarded || !AsksUsUnguarded(list.restrictions)) continue;
            report_.Warning(list.place +
                            ": the policy service is asked before reject_unauth_destination: put "
                            "it behind");
        }
    }

    /// Whether it asks us before it has refused mail for other systems.
    bool AsksUsUnguarded(const std::string& restrictions) const {
        const auto services = AskedBy(restrictions);
        return std::any_of(services.begin(), services.end(), [&](const AskedService& service) {
            return !service.is_guarded && service.behind.empty() && IsOurs(service.endpoint);
        });
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
