#include "policyd/ctl/service_placement.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "common/config/expansion.hpp"
#include "common/config/options.hpp"
#include "common/config/values.hpp"
#include "common/tables/table_list.hpp"
#include "common/text/ascii.hpp"
#include "policyd/checks/restriction_list.hpp"
#include "policyd/ctl/our_service.hpp"
#include "policyd/ctl/postfix_comparison.hpp"
#include "policyd/ctl/smtpd_role.hpp"

namespace policyd::ctl {
namespace {

using config::Strings;

/// Who asks policyd, and where: one warning for each rule that is broken.
class Placement {
public:
    Placement(const config::Settings& settings, const PostfixSettings& postfix, Report& report)
        : settings_(config::Expanded(settings)),
          postfix_(postfix),
          report_(report),
          ours_(settings_, postfix_) {}

    void LookForAll() {
        for (const std::string& service : for_others_) RestrictionsLackTheService(service);
        ClientListEndsBeforeTheService();
        SubmissionIsNotAsked();
        if (!ours_.IsKnown()) return;
        for (const std::string& service : for_others_) {
            ServiceComesTooEarly(service);
            OtherServicesComeFirst(service);
        }
        ServiceIsNamedAgain();
        UsersAreOnNoList();
        ServicesDifferFromMainCf();
    }

private:
    static constexpr const char* kMainCf = "";

    struct List {
        std::string place;
        std::string restrictions;
    };

    /// Of one of for_others_. main.cf is named where all of them go by it.
    List ListOf(const std::string& service, const std::string& stage) const {
        const std::string parameter = "smtpd_" + stage + "_restrictions";
        const bool all_go_by_main_cf = std::none_of(
            for_others_.begin(), for_others_.end(),
            [&](const std::string& other) { return postfix_.IsSetIn(other, parameter); });
        return {
            all_go_by_main_cf ? postfix_.MainCf(parameter) : postfix_.PlaceIn(service, parameter),
            postfix_.ValueIn(service, parameter)};
    }

    /// The smtpd services that take mail from other systems; where there is none, what main.cf says
    /// for any (""). On loopback another port than theirs is a filter's.
    Strings ServicesForOthers() const {
        Strings services;
        for (const auto& [service, smtpd] : postfix_.smtpd) {
            const bool is_reached = IsForMailServers(service) || service.ends_with("/pass") ||
                                    (service.ends_with("/inet") && !IsOnLoopback(service));
            if (is_reached && !IsForSubmission(service, postfix_) && !RefusesStrangers(service))
                services.push_back(service);
        }
        return services.empty() ? Strings{kMainCf} : services;
    }

    /// By a list that comes to reject, and lets nobody in before who is not known. Whom a table or
    /// a class lets in may be a filter, but at port 25 it is other mail servers.
    bool RefusesStrangers(const std::string& service) const {
        const Strings of_the_known{"permit_mynetworks", "permit_sasl_authenticated",
                                   "permit_tls_clientcerts"};
        const Strings of_others{"permit_auth_destination", "permit_mx_backup",
                                "check_policy_service"};
        const auto may_be_for_strangers = [&](const std::string& word) {
            if (word.starts_with("reject") || config::Contains(of_the_known, word)) return false;
            return IsForMailServers(service) || config::Contains(of_others, word);
        };
        for (const char* stage : {"client", "helo", "sender", "relay", "recipient"}) {
            const Strings words = WordsOf(postfix_.RestrictionsIn(service, stage));
            const std::vector<std::string_view> list(words.begin(), words.end());
            const std::size_t end = checks::FirstThatDecides(list);
            if (end < list.size() && list[end] == "reject" &&
                std::none_of(words.begin(), words.end(), may_be_for_strangers))
                return true;
        }
        return false;
    }

    enum class Asks { kNothing, kOthers, kTooLate, kUs };

    Asks WhatIsAsked(const std::string& service, const std::string& stage) {
        Asks asks = Asks::kNothing;
        const List list = ListOf(service, stage);
        std::vector<AskedService> services;
        try {
            services = ours_.Read(list.restrictions);
        } catch (const std::invalid_argument& expected) {
            report_.Warning(list.place + ": expected " + expected.what());
            return Asks::kTooLate;
        }
        for (const AskedService& asked : services) {
            if (!ours_.Is(asked.endpoint)) {
                asks = std::max(asks, Asks::kOthers);
            } else if (asked.behind.empty()) {
                asks = Asks::kUs;
            } else {
                asks = std::max(asks, Asks::kTooLate);
                report_.Warning(list.place + ": " + asked.endpoint + " stands behind " +
                                asked.behind + ", and is never asked");
            }
        }
        return asks;
    }

    /// What to add to the list of recipients, or to move there.
    std::string WhatToAddForRecipients(const std::string& service, Asks asks) const {
        for (const char* stage : {"client", "helo", "sender"}) {
            const List list = ListOf(service, stage);
            if (ours_.IsKnown() && ours_.IsAskedIn(list.restrictions))
                return ": does not ask the policy service, which is asked too early: move "
                       "check_policy_service here from " +
                       list.place +
                       ", which knows recipients by smtpd_delay_reject alone, and none of what "
                       "is refused here";
        }
        return WhatToAdd(asks);
    }

    /// What to add, where a list does not ask policyd.
    std::string WhatToAdd(Asks asks) const {
        if (asks == Asks::kNothing)
            return ": does not ask the policy service: add check_policy_service";
        return ": asks other policy services than the one that listens on " +
               config::QuotedList(settings_.listen) + ": add check_policy_service for it";
    }

    void RestrictionsLackTheService(const std::string& service) {
        const Asks recipients =
            std::max(WhatIsAsked(service, "recipient"), WhatIsAsked(service, "relay"));
        if (recipients < Asks::kTooLate)
            report_.Warning(ListOf(service, "recipient").place +
                            WhatToAddForRecipients(service, recipients));
        const Asks end_of_data = WhatIsAsked(service, "end_of_data");
        if (end_of_data < Asks::kTooLate)
            report_.Warning(ListOf(service, "end_of_data").place + WhatToAdd(end_of_data) +
                            "; the real size of a message is not checked");
    }

    /// By client_access, as clients that are in no table.
    bool UsersAreRefused() const {
        return config::Contains(settings_.checks, "client_access") &&
               !settings_.client_access_permit_sasl_authenticated &&
               !config::Contains(settings_.dry_run, "client_access") &&
               !text::EqualsIgnoringCase(settings_.client_access_default, "DUNNO");
    }

    /// In a service of master.cf, about users who log in. Where ours would refuse them, another
    /// that is asked there is taken to be policyd as well.
    bool AsksAboutUsers(const std::string& service, const std::string& list) const {
        const auto services = ours_.AskedBy(postfix_.ValueIn(service, list));
        return std::any_of(services.begin(), services.end(), [&](const AskedService& asked) {
            return asked.behind.empty() && !asked.skips_users &&
                   (UsersAreRefused() || ours_.Is(asked.endpoint));
        });
    }

    std::string WhatToAddForUsers() const {
        return UsersAreRefused()
                   ? "set client_access_permit_sasl_authenticated, or client_access refuses them, "
                     "and add check_policy_service before permit_sasl_authenticated"
                   : "add check_policy_service before permit_sasl_authenticated";
    }

    void SubmissionIsNotAsked() {
        constexpr const char* kRecipients = "smtpd_recipient_restrictions";
        constexpr const char* kRelay = "smtpd_relay_restrictions";
        for (const auto& [service, own] : postfix_.of_service) {
            if (!IsForSubmission(service, postfix_) || AsksAboutUsers(service, kRecipients) ||
                AsksAboutUsers(service, kRelay))
                continue;
            for (const char* list : {kRecipients, kRelay}) {
                if (!own.contains(list)) continue;
                report_.Warning(postfix_.MasterCf(service, list) +
                                ": does not ask the policy service about users, so what they send "
                                "is neither checked nor counted before the next scan: " +
                                WhatToAddForUsers());
                break;
            }
        }
        for (const auto& [service, own] : postfix_.of_service) {
            const char* const list = "smtpd_end_of_data_restrictions";
            if (!IsForSubmission(service, postfix_) || !own.contains(list) ||
                AsksAboutUsers(service, list))
                continue;
            report_.Warning(postfix_.MasterCf(service, list) +
                            ": does not ask the policy service about users, so the real size of "
                            "what they send is not checked: " +
                            WhatToAddForUsers());
        }
    }

    /// It is one of mail servers, and users log in from anywhere. At the end of a message nobody
    /// asks about its client.
    void UsersAreOnNoList() {
        if (!UsersAreRefused()) return;
        for (const auto& [service, smtpd] : postfix_.smtpd) {
            if (!text::EqualsIgnoringCase(postfix_.ValueIn(service, "smtpd_sasl_auth_enable"),
                                          "yes"))
                continue;
            for (const char* stage : {"client", "helo", "sender", "relay", "recipient", "data"}) {
                const std::string list = "smtpd_" + std::string(stage) + "_restrictions";
                const auto services = ours_.AskedBy(postfix_.ValueIn(service, list));
                if (std::none_of(services.begin(), services.end(), [&](const AskedService& asked) {
                        return ours_.IsAsked(asked) && !asked.skips_users;
                    }))
                    continue;
                report_.Warning(postfix_.PlaceIn(service, list) +
                                ": the policy service is asked about users who log in, and its "
                                "client_access refuses them from addresses that "
                                "client_access_maps does not have: set "
                                "client_access_permit_sasl_authenticated, or, where nothing that "
                                "they send is to be checked, put permit_sasl_authenticated before "
                                "the service");
            }
        }
    }

    /// policyd follows one value for all who ask it.
    void ServicesDifferFromMainCf() {
        for (const auto& [service, own] : postfix_.of_service) {
            const bool is_smtpd = service.ends_with("/inet") || service.ends_with("/pass");
            if (!is_smtpd || (!ours_.IsAskedIn(postfix_.RestrictionsIn(service, "recipient")) &&
                              !ours_.IsAskedIn(postfix_.RestrictionsIn(service, "relay"))))
                continue;
            for (const auto& [parameter, value] : own) {
                const config::Option* const option = config::FindOption(parameter);
                if (option == nullptr || !DiffersFromPostfix(settings_, *option, value)) continue;
                report_.Warning(postfix_.MasterCf(service, parameter) +
                                ": policyd goes by the value that it has for all services, " +
                                config::Show(settings_, *option));
            }
        }
    }

    void ServiceComesTooEarly(const std::string& service) {
        // Postfix looks at smtpd_relay_restrictions first.
        const bool guarded_apart =
            ListOf(service, "relay").restrictions.find("_unauth_destination") != std::string::npos;
        for (const char* stage : {"relay", "recipient"}) {
            const bool is_guarded = guarded_apart && std::string_view(stage) == "recipient";
            const List list = ListOf(service, stage);
            if (is_guarded || !AsksUsUnguarded(list.restrictions)) continue;
            report_.Warning(list.place +
                            ": the policy service is asked before reject_unauth_destination: put "
                            "it behind");
        }
    }

    /// One of them that says OK is the last that Postfix asks.
    void OtherServicesComeFirst(const std::string& service) {
        for (const char* stage : {"relay", "recipient", "end_of_data"}) {
            const List list = ListOf(service, stage);
            const auto services = ours_.AskedBy(list.restrictions);
            const auto ours =
                std::find_if(services.begin(), services.end(),
                             [&](const AskedService& asked) { return ours_.IsAsked(asked); });
            if (ours == services.begin() || ours == services.end()) continue;
            report_.Warning(list.place + ": " + services.front().endpoint +
                            " is asked before this policy service, which checks nothing where that "
                            "one says OK: put it behind, unless it never does");
        }
    }

    /// Of one recipient it cannot tell a second question from a recipient who is named twice, nor,
    /// at the end of the message, who of them was refused by what stands between the two.
    void ServiceIsNamedAgain() {
        if (postfix_.smtpd.empty()) return ServiceIsNamedAgain(kMainCf);
        for (const auto& [service, smtpd] : postfix_.smtpd) ServiceIsNamedAgain(service);
    }

    void ServiceIsNamedAgain(const std::string& service) {
        const Strings lists = ListsThatAskOfRecipients(service);
        if (lists.size() < 2) return;
        const auto own = std::find_if(lists.begin(), lists.end(), [&](const std::string& list) {
            return postfix_.IsSetIn(service, list);
        });
        std::string names;
        for (const std::string& list : lists) names += (names.empty() ? "" : ", ") + list;
        const std::string& at_the_end = settings_.full_at_end_of_message;
        report_.Warning(
            (own != lists.end() ? postfix_.MasterCf(service, *own)
                                : postfix_.MainCf(lists.back())) +
            ": the policy service is asked more than once about each recipient (" + names +
            "): name it in one of them" +
            (at_the_end == "accept"
                 ? ""
                 : ": until then full_at_end_of_message = \"" + at_the_end +
                       "\" does not work, and a message that turns out too large is let in"));
    }

    /// One for each time. Without smtpd_delay_reject the first three know no recipient, and where
    /// all are users a list that skips them asks about nobody.
    Strings ListsThatAskOfRecipients(const std::string& service) const {
        const bool is_delayed =
            !text::EqualsIgnoringCase(postfix_.ValueIn(service, "smtpd_delay_reject"), "no");
        Strings lists;
        const Strings early{"client", "helo", "sender"};
        for (const char* stage : {"client", "helo", "sender", "relay", "recipient"}) {
            if (!is_delayed && config::Contains(early, stage)) continue;
            const std::string list = "smtpd_" + std::string(stage) + "_restrictions";
            for (const AskedService& asked : ours_.AskedBy(postfix_.ValueIn(service, list)))
                if (ours_.IsAsked(asked) && !asked.is_by_table &&
                    !(asked.skips_users && IsForSubmission(service, postfix_)))
                    lists.push_back(list);
        }
        return lists;
    }

    /// Whether it asks us before it has refused mail for other systems.
    bool AsksUsUnguarded(const std::string& restrictions) const {
        const auto services = ours_.AskedBy(restrictions);
        return std::any_of(services.begin(), services.end(), [&](const AskedService& service) {
            return !service.is_guarded && ours_.IsAsked(service);
        });
    }

    void ClientListEndsBeforeTheService() {
        const Strings list = config::ParseList(postfix_.RestrictionsIn(kMainCf, "client"));
        if (list.empty() || list.back() != "reject") return;
        std::string tables;
        for (const std::string& word : list)
            if (tables::IsTableSpec(word)) tables += (tables.empty() ? "" : ", ") + word;
        report_.Warning(postfix_.MainCf("smtpd_client_restrictions") +
                        ": ends with reject, so the policy service is asked about listed clients "
                        "only: to let client_access decide, first have client_access_maps list "
                        "whom " +
                        (tables.empty() ? "it" : tables) +
                        " lets in, then set a client_access_default that refuses, and empty it");
    }

    const config::Settings settings_;
    const PostfixSettings& postfix_;
    Report& report_;
    const OurService ours_;
    const Strings for_others_ = ServicesForOthers();
};

}  // namespace

void WarnOfServicePlacement(const config::Settings& settings, const PostfixSettings& postfix,
                            Report& report) {
    Placement(settings, postfix, report).LookForAll();
}

}  // namespace policyd::ctl
