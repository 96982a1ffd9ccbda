#include "policyd/ctl/service_reach.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "common/config/expansion.hpp"
#include "common/config/values.hpp"
#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"
#include "policyd/checks/access_result.hpp"
#include "policyd/ctl/our_service.hpp"
#include "policyd/ctl/policy_service_attributes.hpp"

namespace policyd::ctl {
namespace {

namespace fs = std::filesystem;

using config::Strings;

constexpr std::string_view kUnix = "unix:";
constexpr std::uint64_t kUsualProcessLimit = 100;

constexpr const char* kLists[] = {"smtpd_client_restrictions",     "smtpd_helo_restrictions",
                                  "smtpd_sender_restrictions",     "smtpd_relay_restrictions",
                                  "smtpd_recipient_restrictions",  "smtpd_data_restrictions",
                                  "smtpd_end_of_data_restrictions"};

/// How each smtpd comes to policyd: one warning for each rule that is broken.
class Reach {
public:
    Reach(const config::ConfigFile& file, const PostfixSettings& postfix, Report& report)
        : file_(file),
          settings_(config::Expanded(file.settings)),
          postfix_(postfix),
          report_(report),
          ours_(settings_, postfix_) {}

    void LookForAll() {
        for (const auto& [service, smtpd] : postfix_.smtpd)
            for (const char* list : kLists)
                for (const AskedService& asked : ours_.AskedBy(postfix_.ValueIn(service, list))) {
                    const auto attributes = AttributesOf(asked, Place(service, list));
                    if (!ours_.IsAsked(asked)) continue;
                    PathIsAnotherFile(service, smtpd.is_chrooted, asked.endpoint);
                    TimeoutIsBad(In(service, list, asked, attributes, "timeout"));
                    if (!ours_.IsKnown()) continue;
                    DefaultActionIsBad(In(service, list, asked, attributes, "default_action"));
                    if (asked.only_warns) NothingIsRefused(Place(service, list), asked.endpoint);
                }
        ClientsMayShutPorts();
        if (ours_.IsKnown()) ConnectionsAreTooMany();
    }

private:
    /// Where it is set.
    std::string Place(const std::string& service, const std::string& parameter) const {
        return postfix_.IsSetIn(service, parameter) ? postfix_.MasterCf(service, parameter)
                                                    : postfix_.MainCf(parameter);
    }

    /// smtpd reads those of every policy service when it starts. None where it would not.
    PolicyServiceAttributes AttributesOf(const AskedService& asked, const std::string& place) {
        try {
            return ParsePolicyServiceAttributes(asked.attributes);
        } catch (const std::invalid_argument& wrong) {
            report_.Warning(place + ": " + asked.endpoint + ": " + wrong.what() +
                            ": smtpd ends with a fatal error, and takes no mail");
            return {};
        }
    }

    struct Attribute {
        std::string place;
        std::string value;
    };

    /// The attribute in force: without one of its own the service has that of a parameter.
    Attribute In(const std::string& service, const std::string& list, const AskedService& asked,
                 const PolicyServiceAttributes& attributes, const std::string& name) const {
        if (const auto own = attributes.find(name); own != attributes.end())
            return {Place(service, list) + ": " + asked.endpoint + ": " + name, own->second};
        const std::string parameter = "smtpd_policy_service_" + name;
        return {Place(service, parameter), postfix_.ValueIn(service, parameter)};
    }

    /// It is what Postfix goes by while policyd is away.
    void DefaultActionIsBad(const Attribute& action) {
        const std::string consequence = ConsequenceOf(action.value);
        if (consequence.empty()) return;
        report_.Warning(action.place + ": while policyd is away, " + action.value + ' ' +
                        consequence + ": set it to DUNNO, or to DEFER_IF_PERMIT");
    }

    static std::string ConsequenceOf(const std::string& action) {
        using checks::AccessResult;
        try {
            if (checks::ParseAccessResult(action).kind == AccessResult::Kind::kPermit)
                return "skips whatever stands behind it in the list";
        } catch (const std::invalid_argument&) {
            return "";  // a list of restrictions, for smtpd to judge
        }
        return checks::RefusesForGood(action) ? "refuses mail for good" : "";
    }

    void NothingIsRefused(const std::string& place, const std::string& endpoint) {
        report_.Warning(place + ": " + endpoint +
                        " stands behind warn_if_reject: what policyd refuses is let in, and not "
                        "counted before the next scan: take warn_if_reject away, and name the "
                        "checks in dry_run, with which all is let in and counted");
    }

    void TimeoutIsBad(const Attribute& timeout) {
        if (timeout.value.empty()) return;
        try {
            const auto time = ParsePolicyServiceTime(timeout.value);
            if (!ours_.IsKnown() || time > settings_.request_time_limit) return;
            report_.Warning(timeout.place + ": " + timeout.value +
                            " is not longer than policyd's request_time_limit (" +
                            config::ShowDuration(settings_.request_time_limit) +
                            "), so Postfix gives it up while it may still answer");
        } catch (const std::invalid_argument& expected) {
            report_.Warning(timeout.place + ": expected " + expected.what() + ", found \"" +
                            text::EscapedForLog(timeout.value) + '"');
        }
    }

    /// In a chroot, or without one.
    void PathIsAnotherFile(const std::string& service, bool in_chroot,
                           const std::string& endpoint) {
        if (!endpoint.starts_with(kUnix)) return;
        const std::string path = endpoint.substr(kUnix.size());
        const fs::path file = ours_.FileAt(path, in_chroot);
        const fs::path meant = ours_.FileAt(path, !in_chroot);
        if (ours_.ListensAt(file) || !ours_.ListensAt(meant)) return;
        report_.Warning(postfix_.directory + "/master.cf: " + service +
                        (in_chroot ? ": runs" : ": does not run") + " in a chroot, so " + endpoint +
                        " is " + file.string() + ", where " +
                        (ours_.IsKnown() ? "policyd does not listen" : "nobody listens") + ": " +
                        WhatToWrite(meant));
    }

    /// A relative path, which is the same file in both cases: of where policyd listens already, if
    /// that can be.
    std::string WhatToWrite(const fs::path& meant) const {
        Strings files{meant.string()};
        for (const std::string& listener : settings_.listen)
            if (listener.starts_with(kUnix)) files.push_back(listener.substr(kUnix.size()));
        for (const std::string& file : files) {
            const fs::path relative = fs::path(file).lexically_relative(ours_.FileAt("", false));
            if (!relative.empty() && *relative.begin() != "..")
                return "write " + std::string(kUnix) + relative.string();
        }
        if (!ours_.IsKnown()) {
            const std::string queue_directory = postfix_.Find("queue_directory").value_or("");
            return "have the service listen below " + queue_directory +
                   ", and write its path from there";
        }
        constexpr const char* kUsual = "policyd/policyd.sock";
        return "write " + std::string(kUnix) + kUsual + ", and add " + std::string(kUnix) +
               ours_.FileAt(kUsual, false).string() + " to listen";
    }

    /// By a mistake of Postfix's: docs/operation.md, "Clients that keep a port shut".
    void ClientsMayShutPorts() {
        constexpr const char* kName = "service_throttle_time";
        const auto time = postfix_.Find(kName);
        const std::string services = ServicesThatRefuseAtTheEnd();
        if (!time || services.empty() || IsSoonOver(*time)) return;
        report_.Warning(postfix_.MainCf(kName) + ": is " + *time +
                        ": an smtpd whose client sends DATA again after a refusal at the end of a "
                        "message crashes, and for so long no other is started (" +
                        services + "): set it to 1s");
    }

    std::string ServicesThatRefuseAtTheEnd() const {
        std::string services;
        for (const auto& [service, smtpd] : postfix_.smtpd) {
            const auto asked =
                ours_.AskedBy(postfix_.ValueIn(service, "smtpd_end_of_data_restrictions"));
            if (std::any_of(asked.begin(), asked.end(), [&](const AskedService& one) {
                    return ours_.IsAsked(one) && !one.only_warns;
                }))
                services += (services.empty() ? "" : ", ") + service;
        }
        return services;
    }

    /// Clients wait minutes for a greeting (RFC 5321, 4.5.3.2.1), and a few that crash every smtpd
    /// they get make others wait three times this long. True also for what is no time, with which
    /// no Postfix starts.
    static bool IsSoonOver(const std::string& time) {
        try {
            return config::ParseDuration(time) <= std::chrono::seconds(10);
        } catch (const std::invalid_argument&) {
            return true;
        }
    }

    /// Every process holds one for each different check_policy_service.
    void ConnectionsAreTooMany() {
        std::uint64_t connections = 0;
        std::string services;
        for (const auto& [service, smtpd] : postfix_.smtpd) {
            const std::uint64_t of_each = ConnectionsOf(service);
            if (of_each == 0) continue;
            const auto processes = ProcessLimit(smtpd);
            if (processes == 0)
                return WarnOfConnections(
                    service + " has no limit of processes in master.cf: set its maxproc");
            connections += processes * of_each;
            services += (services.empty() ? "" : ", ") + service;
        }
        if (connections > settings_.max_connections)
            WarnOfConnections("Postfix may open " + std::to_string(connections) +
                              " (by default_process_limit or maxproc of " + services +
                              "): set it higher");
    }

    std::size_t ConnectionsOf(const std::string& service) const {
        std::set<std::pair<std::string, Strings>> services;
        for (const char* list : kLists)
            for (const AskedService& asked : ours_.AskedBy(postfix_.ValueIn(service, list)))
                if (ours_.IsAsked(asked)) services.emplace(asked.endpoint, asked.attributes);
        return services.size();
    }

    /// 0: there is none.
    std::uint64_t ProcessLimit(const SmtpdService& smtpd) const {
        const std::string usual = postfix_.Find("default_process_limit").value_or("");
        return text::ParseUnsigned(smtpd.process_limit == "-" ? usual : smtpd.process_limit)
            .value_or(kUsualProcessLimit);
    }

    void WarnOfConnections(const std::string& how_many) {
        report_.Warning(config::ConfigError(file_.path, file_.LineOf("max_connections"),
                                            "max_connections is " +
                                                std::to_string(settings_.max_connections) +
                                                ", but " + how_many)
                            .what());
    }

    const config::ConfigFile& file_;
    const config::Settings settings_;
    const PostfixSettings& postfix_;
    Report& report_;
    const OurService ours_;
};

}  // namespace

void WarnOfServiceReach(const config::ConfigFile& file, const PostfixSettings& postfix,
                        Report& report) {
    Reach(file, postfix, report).LookForAll();
}

}  // namespace policyd::ctl
