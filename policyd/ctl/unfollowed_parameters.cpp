#include "policyd/ctl/unfollowed_parameters.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "common/config/config_error.hpp"
#include "common/config/options.hpp"
#include "common/config/values.hpp"
#include "common/tables/table_file.hpp"
#include "common/text/ascii.hpp"
#include "policyd/ctl/our_service.hpp"
#include "policyd/ctl/postfix_comparison.hpp"
#include "policyd/ctl/smtpd_role.hpp"
#include "policyd/ctl/table_definition.hpp"

namespace policyd::ctl {
namespace {

using config::Settings;
using config::Strings;

constexpr std::string_view kMeaning =
    "which is not followed here: recipients are looked for as if it were ";

/// Parameters by which an address means another recipient, and the values that policyd goes by.
constexpr struct {
    std::string_view name;
    std::string_view followed;
} kOfAddresses[] = {
    {"allow_min_user", "no"},
    {"allow_untrusted_routing", "no"},
    {"resolve_dequoted_address", "yes"},
    {"resolve_null_domain", "no"},
    {"resolve_numeric_domain", "no"},
    {"empty_address_recipient", "MAILER-DAEMON"},
};

constexpr std::string_view kOfCopies[] = {"always_bcc", "recipient_bcc_maps", "sender_bcc_maps"};

class Unfollowed {
public:
    Unfollowed(const Settings& settings, const PostfixSettings& postfix, Report& report)
        : settings_(settings), postfix_(postfix), report_(report), ours_(settings_, postfix_) {}

    void LookForAll() const {
        LookIn(kMainCf);
        for (const std::string& service : postfix_.cleanup) {
            LookIn(service);
            OwnAliases(service);
        }
        UnlistedRecipients();
        Charsets();
        NotUtf8();
    }

private:
    static constexpr const char* kMainCf = "";

    /// In main.cf, or at what a service of master.cf has instead.
    void LookIn(const std::string& service) const {
        for (const auto& [name, followed] : kOfAddresses)
            if (const auto value = SetIn(service, name);
                value && !text::EqualsIgnoringCase(*value, followed))
                Warn(service, name,
                     "is \"" + *value + "\", " + std::string(kMeaning) + '"' +
                         std::string(followed) + '"');
        for (const std::string_view name : kOfCopies)
            if (!SetIn(service, name).value_or("").empty())
                Warn(service, name,
                     "the mailboxes that get these copies are neither checked nor counted "
                     "before the next scan");
        Masquerading(service);
        CopiesAreMerged(service);
    }

    std::optional<std::string> SetIn(const std::string& service, std::string_view name) const {
        const std::string parameter(name);
        if (service == kMainCf) return postfix_.Find(parameter);
        if (!postfix_.IsSetIn(service, parameter)) return std::nullopt;
        return postfix_.ValueIn(service, parameter);
    }

    /// Without it Postfix takes any bytes for a name.
    void NotUtf8() const {
        constexpr std::string_view kName = "smtputf8_enable";
        if (Value(kName) != "no") return;
        for (const Strings* lists : {&settings_.virtual_alias_maps, &settings_.virtual_mailbox_maps,
                                     &settings_.virtual_mailbox_domains})
            for (const std::string& list : *lists)
                if (list.find("hash:") != list.npos || list.find("btree:") != list.npos ||
                    list.find("db:") != list.npos)
                    return Warn(kName,
                                "is \"no\", so that Postfix reads lines of text tables that are "
                                "not UTF-8: here they are ignored, and who stands in them is "
                                "unknown");
    }

    std::string Value(std::string_view name) const {
        return postfix_.Find(std::string(name)).value_or("");
    }

    void Warn(std::string_view parameter, const std::string& text) const {
        Warn(kMainCf, parameter, text);
    }

    void Warn(const std::string& service, std::string_view name, const std::string& text) const {
        const std::string parameter(name);
        report_.Warning((service == kMainCf ? postfix_.MainCf(parameter)
                                            : postfix_.MasterCf(service, parameter)) +
                        ": " + text);
    }

    void Masquerading(const std::string& service) const {
        const std::string domains = "masquerade_domains";
        const std::string classes = "masquerade_classes";
        const bool has_domains = SetIn(service, domains).has_value();
        if ((!has_domains && !SetIn(service, classes)) ||
            postfix_.ValueIn(service, domains).empty() ||
            !config::Contains(config::ParseList(postfix_.ValueIn(service, classes)),
                              "envelope_recipient"))
            return;
        Warn(service, has_domains ? domains : classes,
             "is for envelope recipients as well, " + std::string(kMeaning) + "empty");
    }

    void CopiesAreMerged(const std::string& service) const {
        constexpr std::string_view kName = "enable_original_recipient";
        if (!text::EqualsIgnoringCase(SetIn(service, kName).value_or(""), "no")) return;
        Warn(service, kName,
             "is no, so a mailbox that a message reaches by several recipients gets one copy, and "
             "each is counted until the next scan");
    }

    /// Where a cleanup service of master.cf expands none, another one behind a filter does.
    void OwnAliases(const std::string& service) const {
        for (const char* name : {"virtual_alias_maps", "canonical_maps", "recipient_canonical_maps",
                                 "canonical_classes"}) {
            const auto value = SetIn(service, name);
            const config::Option& option = *config::FindOption(name);
            if (!value || (value->empty() && IsFilterUsed()) ||
                !DiffersFromPostfix(settings_, option, *value))
                continue;
            Warn(service, name,
                 "policyd goes by the value that it has for all services, " +
                     config::Show(settings_, option));
        }
    }

    bool IsFilterUsed() const {
        return !Value("content_filter").empty() ||
               std::any_of(postfix_.smtpd.begin(), postfix_.smtpd.end(), [&](const auto& smtpd) {
                   return !postfix_.ValueIn(smtpd.first, "content_filter").empty();
               });
    }

    void UnlistedRecipients() const {
        const bool refuses = config::Contains(settings_.checks, "recipient") &&
                             !config::Contains(settings_.dry_run, "recipient") &&
                             settings_.unknown_recipient_action != "DUNNO";
        if (!refuses) return;
        UnlistedRecipients(kMainCf);
        for (const auto& [service, smtpd] : postfix_.smtpd)
            if (AsksUs(service)) UnlistedRecipients(service);
    }

    void UnlistedRecipients(const std::string& service) const {
        for (const char* stage : {"relay", "recipient", "data", "end_of_data"})
            if (postfix_.RestrictionsIn(service, stage).find("reject_unlisted_recipient") !=
                std::string::npos)
                return;
        const std::string consequence =
            ", but policyd refuses recipients who do not exist: if they are to be accepted, " +
            std::string(service == kMainCf ? "take recipient out of checks"
                                           : "have this service ask another policyd, without "
                                             "recipient in its checks");
        constexpr std::string_view kRejects = "smtpd_reject_unlisted_recipient";
        constexpr std::string_view kOverrides = "receive_override_options";
        const std::string no_checks = "no_unknown_recipient_checks";
        if (text::EqualsIgnoringCase(SetIn(service, kRejects).value_or(""), "no"))
            Warn(service, kRejects, "is no" + consequence);
        if (config::Contains(config::ParseList(SetIn(service, kOverrides).value_or("")), no_checks))
            Warn(service, kOverrides, "has " + no_checks + consequence);
    }

    /// About recipients in a service of master.cf. One for users alone may ask about others: there
    /// are none.
    bool AsksUs(const std::string& service) const {
        const bool is_for_users = HasUsersLogIn(service, postfix_);
        for (const char* stage : {"client", "helo", "sender", "relay", "recipient"})
            for (const AskedService& asked : ours_.AskedBy(postfix_.RestrictionsIn(service, stage)))
                if (ours_.IsAsked(asked) && !(is_for_users && asked.skips_users)) return true;
        return false;
    }

    /// Before 3.9 Postfix does not know the parameter, and takes utf8mb4.
    void Charsets() const {
        if (!IsOlderThan(3, 9)) return;
        std::set<std::string> told;
        for (const config::Option& option : config::Options()) {
            const auto* const list = std::get_if<Strings Settings::*>(&option.field);
            if (list == nullptr || option.section != config::Section::kMailSystem) continue;
            for (const TableDefinition& table : DefinitionsOf(settings_.**list)) {
                const std::string charset = CharsetOf(table.name);
                if (charset.empty() || charset == "utf8mb4" || !told.insert(table.name).second)
                    continue;
                report_.Warning(table.name + ": charset is " + charset + ", which Postfix " +
                                Value("mail_version") +
                                " does not follow: its tables are asked in utf8mb4");
            }
        }
    }

    /// False where nobody knows.
    bool IsOlderThan(int major, int minor) const {
        int theirs = 0;
        int theirs_minor = 0;
        if (std::sscanf(Value("mail_version").c_str(), "%d.%d", &theirs, &theirs_minor) != 2)
            return false;
        return std::pair(theirs, theirs_minor) < std::pair(major, minor);
    }

    static std::string CharsetOf(const std::string& table) {
        constexpr std::string_view kMysql = "mysql:";
        if (!table.starts_with(kMysql)) return "";
        try {
            return tables::TableFile(table.substr(kMysql.size()), [](const std::string&) {})
                .Text("charset");
        } catch (const config::ConfigError&) {
            return "";  // opening the table reports it
        }
    }

    const Settings& settings_;
    const PostfixSettings& postfix_;
    Report& report_;
    const OurService ours_;
};

}  // namespace

void WarnOfUnfollowedParameters(const Settings& settings, const PostfixSettings& postfix,
                                Report& report) {
    Unfollowed(settings, postfix, report).LookForAll();
}

}  // namespace policyd::ctl
