#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "policyd/ctl/filtered_mail.hpp"
#include "policyd/ctl/postfix_mistakes.hpp"
#include "policyd/ctl/service_placement.hpp"
#include "policyd/ctl/service_reach.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::ctl {

/// A mail system without mistakes; each test makes one.
class SoundPostfixTest : public testing::Test {
protected:
    std::string Table(const std::string& name, const std::string& query) {
        return "mysql:" +
               scratch_.Write(name, "hosts = localhost\nquery = " + query + "\n").string();
    }

    std::string Warnings() {
        std::string toml;
        for (const auto& [name, value] : options_) toml += name + " = \"" + value + "\"\n";
        std::ostringstream out;
        Report report(out);
        const config::ConfigFile file = config::ParseConfig(toml, "policyd.toml");
        WarnOfKnownMistakes(file, postfix_, report);
        WarnOfServicePlacement(file.settings, postfix_, report);
        WarnOfFilteredMail(file.settings, postfix_, report);
        WarnOfServiceReach(file, postfix_, report);
        return out.str();
    }

    test::ScratchDirectory scratch_;
    const std::string forwardings_ =
        Table("forwardings.cf", "SELECT destination FROM forwardings WHERE source='%s'");
    const std::string email2email_ =
        Table("email2email.cf", "SELECT email FROM users WHERE email='%s'");
    const std::string transport_ =
        Table("transport.cf", "SELECT transport FROM transport WHERE domain='%s'");
    const std::string quota_ = Table("quota.cf", "SELECT quota FROM users WHERE email='%s'");
    std::map<std::string, std::string> options_{
        {"listen", "unix:/var/spool/postfix/policyd/policyd.sock"},
        {"virtual_alias_maps", forwardings_ + ", " + email2email_},
        {"transport_maps", transport_},
        {"virtual_mailbox_limit_maps", quota_}};
    PostfixSettings postfix_{
        "/etc/postfix",
        {{"queue_directory", "/var/spool/postfix"},
         {"smtpd_relay_restrictions", "reject_unauth_destination"},
         {"smtpd_recipient_restrictions", "check_policy_service unix:policyd/policyd.sock"},
         {"smtpd_end_of_data_restrictions", "check_policy_service unix:policyd/policyd.sock"},
         {"smtpd_client_restrictions", ""},
         {"smtpd_policy_service_max_idle", "300s"},
         {"smtpd_policy_service_max_ttl", "1000s"}},
        {{"virtual_mailbox_limit_maps", quota_}},
        {},
        {{"smtp/inet", {}}}};
};

}  // namespace policyd::ctl
