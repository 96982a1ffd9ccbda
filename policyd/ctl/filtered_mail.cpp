#include "policyd/ctl/filtered_mail.hpp"

#include <algorithm>
#include <string>

#include "common/config/expansion.hpp"
#include "common/config/values.hpp"
#include "policyd/ctl/our_service.hpp"
#include "policyd/ctl/smtpd_role.hpp"

namespace policyd::ctl {

namespace {

using config::Strings;

class FilteredMail {
public:
    FilteredMail(const config::Settings& settings, const PostfixSettings& postfix, Report& report)
        : settings_(config::Expanded(settings)),
          postfix_(postfix),
          report_(report),
          ours_(settings_, postfix_) {}

    void LookForAll() {
        FilteredMailIsFilteredAgain();
        AliasesAreExpandedTwice();
        if (ours_.IsKnown()) FilteredMailIsCountedTwice();
    }

private:
    /// A parameter of main.cf, or of any service.
    bool IsSetSomewhere(const std::string& parameter) const {
        if (!postfix_.Find(parameter).value_or("").empty()) return true;
        return std::any_of(postfix_.of_service.begin(), postfix_.of_service.end(),
                           [&](const auto& service) {
                               const auto own = service.second.find(parameter);
                               return own != service.second.end() && !own->second.empty();
                           });
    }

    /// A filter is what main.cf says for all services: also for the one that takes its mail back.
    void FilteredMailIsFilteredAgain() {
        for (const char* filter : {"content_filter", "smtpd_proxy_filter"}) {
            if (postfix_.Find(filter).value_or("").empty()) continue;
            for (const auto& [service, own] : postfix_.of_service)
                if (MayTakeMailBack(service, own) && !own.contains(filter))
                    report_.Warning(postfix_.directory + "/master.cf: " + service +
                                    ": goes by main.cf: " + filter +
                                    ": if a filter gives its mail back here, that is filtered "
                                    "again and again, until it bounces: add -o " +
                                    filter + "=");
        }
    }

    /// A user's own forwarding that keeps a copy is found again behind the filter, where the copy
    /// comes to the same address.
    void AliasesAreExpandedTwice() {
        if (settings_.virtual_alias_maps.empty()) return;
        const auto takes_back_as_it_is = [&](const auto& service) {
            return !IsFiltered(service.first) && ExpandsNoAliases(service.first);
        };
        if (std::any_of(postfix_.smtpd.begin(), postfix_.smtpd.end(), takes_back_as_it_is) ||
            std::any_of(postfix_.of_service.begin(), postfix_.of_service.end(),
                        takes_back_as_it_is))
            return;
        std::string services;
        for (const auto& [service, smtpd] : postfix_.smtpd)
            if (IsFiltered(service) && !ExpandsNoAliases(service))
                services += (services.empty() ? "" : ", ") + service;
        if (services.empty()) return;
        report_.Warning(postfix_.directory + "/master.cf: " + services +
                        ": aliases are expanded before the content_filter and again behind it, so "
                        "whom a user forwards to gets two copies where the user keeps one, and one "
                        "of the two is counted: add no_address_mappings to "
                        "receive_override_options here");
    }

    /// By a content_filter: mail that a proxy takes is queued by the smtpd behind it.
    bool IsFiltered(const std::string& service) const {
        return !postfix_.ValueIn(service, "content_filter").empty() &&
               postfix_.ValueIn(service, "smtpd_proxy_filter").empty();
    }

    bool ExpandsNoAliases(const std::string& service) const {
        return config::Contains(WordsOf(postfix_.ValueIn(service, "receive_override_options")),
                                "no_address_mappings");
    }

    /// By all appearances: this machine's clients get in without logging in, and nothing is asked
    /// about their mail.
    bool MayTakeMailBack(const std::string& service, const PostfixSettings::Values& own) const {
        if (!service.ends_with("/inet") || IsForMailServers(service) ||
            IsForSubmission(service, postfix_) ||
            (AsksUs(service, "recipient") && AsksUs(service, "end_of_data")))
            return false;
        bool lets_a_filter_in = false;
        for (const auto& [parameter, list] : own) {
            if (!parameter.ends_with("_restrictions")) continue;
            if (!ours_.AskedBy(list).empty() || LetsOthersIn(list)) return false;
            const bool is_about_recipients = parameter == "smtpd_recipient_restrictions" ||
                                             parameter == "smtpd_relay_restrictions";
            lets_a_filter_in |= is_about_recipients && LetsAFilterIn(service, list);
        }
        return lets_a_filter_in;
    }

    /// Who logs in, or brings mail for some domains from anywhere.
    static bool LetsOthersIn(const std::string& restrictions) {
        const Strings words = WordsOf(restrictions);
        return std::any_of(words.begin(), words.end(), [](const std::string& word) {
            return word.starts_with("permit_") && word != "permit_mynetworks";
        });
    }

    /// Where a service can be reached from outside: nobody else.
    static bool LetsAFilterIn(std::string_view service, const std::string& restrictions) {
        const Strings words = WordsOf(restrictions);
        if (service.find(':') == service.npos)
            return words == Strings{"permit_mynetworks", "reject"};
        return IsOnLoopback(service) &&
               (config::Contains(words, "permit_mynetworks") || config::Contains(words, "permit"));
    }

    /// What a filter gives back is another message to policyd, which the one before it keeps the
    /// room of.
    void FilteredMailIsCountedTwice() {
        if (!IsSetSomewhere("content_filter") && !IsSetSomewhere("smtpd_proxy_filter")) return;
        for (const auto& [service, own] : postfix_.of_service) {
            if (!service.ends_with("/inet") || IsForMailServers(service) ||
                IsForSubmission(service, postfix_))
                continue;
            const bool asks_of_recipients =
                AsksUs(service, "recipient") || AsksUs(service, "relay");
            if (asks_of_recipients || !own.contains("smtpd_recipient_restrictions") ||
                !AsksUs(service, "end_of_data"))
                continue;
            report_.Warning(postfix_.MasterCf(service, "smtpd_recipient_restrictions") +
                            ": the policy service is not asked about recipients here, but at the "
                            "end of messages: if a filter gives its mail back here, that is "
                            "counted twice, and deferred where there is room for it once: add -o "
                            "smtpd_end_of_data_restrictions=");
        }
    }

    bool AsksUs(const std::string& service, const std::string& stage) const {
        return ours_.IsAskedIn(postfix_.RestrictionsIn(service, stage));
    }

    const config::Settings settings_;
    const PostfixSettings& postfix_;
    Report& report_;
    const OurService ours_;
};

}  // namespace

void WarnOfFilteredMail(const config::Settings& settings, const PostfixSettings& postfix,
                        Report& report) {
    FilteredMail(settings, postfix, report).LookForAll();
}

}  // namespace policyd::ctl
