// The client_access check compared with check_client_access of a real smtpd, to which any client is
// presented with XCLIENT.
//
//     POLICYD_SEED=7 POLICYD_CASES=10000 build/dev/bin/integration_client_access_agreement
//
// makes other and more cases; a case is one client, seen by one to three tables with a permission
// or a refusal behind them. What is compared is the code of the reply to RCPT.
//
// Not compared, since the judge cannot settle it:
// - numeric client names, which XCLIENT does not take (see the unit tests of the search);
// - restrictions as a table's value, which only smtpd can evaluate: here they are an error.

#include <gtest/gtest.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>

#include "common/async/event_loop.hpp"
#include "common/log/logging.hpp"
#include "common/outage/unavailable.hpp"
#include "common/tables/table_registry.hpp"
#include "policyd/checks/client_access_check.hpp"
#include "tests/integration/client_access_agreement_generator.hpp"
#include "tests/support/postfix_instance.hpp"
#include "tests/support/smtp_client.hpp"

namespace policyd::test {
namespace {

constexpr int kDoesNotTell = 0;

std::uint64_t Environment(const char* name, std::uint64_t otherwise) {
    const char* value = std::getenv(name);
    return value == nullptr ? otherwise : std::stoull(value);
}

/// One smtpd for each set of tables, on a port of its own.
class Judge {
public:
    explicit Judge(const std::vector<Restrictions>& setups) {
        std::vector<std::string> services;
        for (const Restrictions& setup : setups) {
            ports_.push_back(FreePort());
            services.push_back(Service(setup, ports_.back()));
        }
        postfix_ = std::make_unique<PostfixInstance>(
            PostfixInstance::Parameters{{"inet_protocols", "all"},
                                        {"smtpd_relay_restrictions", ""},
                                        {"smtpd_recipient_restrictions",
                                         "permit_auth_destination, "
                                         "reject"},
                                        {"smtpd_reject_unlisted_recipient", "no"},
                                        {"default_process_limit", "200"},
                                        {"mydestination", "localhost"}},
            services);
    }

    /// The code of the reply to RCPT; kDoesNotTell where the client cannot be presented.
    int ReplyTo(std::size_t setup, const Client& client) {
        if (setup != setup_ || !connection_) {
            connection_ = std::make_unique<SmtpClient>(ports_[setup]);
            setup_ = setup;
        }
        const bool is_ipv6 = client.address.find(':') != std::string::npos;
        const std::string name = client.name == "unknown" ? "[UNAVAILABLE]" : client.name;
        const SmtpReply presented = connection_->Xclient(
            {{"ADDR", (is_ipv6 ? "IPV6:" : "") + client.address}, {"NAME", name}});
        if (!presented.IsPositive()) return kDoesNotTell;
        connection_->Mail("sender@elsewhere.example");
        const int code = connection_->Rcpt("postmaster@localhost").code;
        if (code == 421 || code == 521) connection_.reset();
        return code;
    }

private:
    static std::string Service(const Restrictions& setup, int port) {
        std::string restrictions;
        for (const std::string& table : setup.tables)
            restrictions += "check_client_access " + table + ", ";
        if (setup.refuses_others) restrictions += "reject";
        std::string line =
            "127.0.0.1:" + std::to_string(port) +
            " inet n - n - - smtpd -o { smtpd_client_restrictions = " + restrictions + " }";
        if (!setup.parents_match_subdomains) line += " -o { parent_domain_matches_subdomains = }";
        return line;
    }

    std::vector<int> ports_;
    std::unique_ptr<PostfixInstance> postfix_;
    std::unique_ptr<SmtpClient> connection_;
    std::size_t setup_ = 0;
};

/// What Postfix replies where the policy service gives it this action and all others permit.
int ReplyFor(const std::string& action) {
    const std::string word = action.substr(0, action.find(' '));
    if (word == "REJECT") return 554;
    if (word == "DEFER" || word == "DEFER_IF_PERMIT") return 450;
    if (word == "reject_no_such_restriction") return 451;
    if (word.size() == 3 && std::isdigit(static_cast<unsigned char>(word[0])) != 0)
        return std::stoi(word);
    return 250;
}

int OurReplyTo(const Restrictions& setup, const Client& client, async::EventLoop& loop,
               tables::TableRegistry& registry) {
    checks::ClientAccessCheck check(
        registry.OpenChain("client_access_maps", setup.tables),
        setup.refuses_others ? "554 5.7.1 Client host rejected" : "DUNNO",
        setup.parents_match_subdomains ? tables::ParentStyle::kDomain
                                       : tables::ParentStyle::kDotDomain);
    protocol::PolicyRequest request;
    request.stage = protocol::Stage::kRcpt;
    request.client_name = client.name;
    request.client_address = client.address;
    try {
        return ReplyFor(loop.RunUntilDone(check.Evaluate(request)).action);
    } catch (const outage::TableUnavailable&) {
        return 451;
    }
}

std::string Described(const Restrictions& setup, const Client& client) {
    std::string text = client.name + "[" + client.address + "] with\n";
    for (std::size_t i = 0; i < setup.tables.size(); ++i)
        text += setup.tables[i] + "\n" + setup.contents[i];
    text += setup.refuses_others ? "others are refused" : "others are permitted";
    return text + (setup.parents_match_subdomains ? "\n" : ", .example.com for subdomains\n");
}

TEST(ClientAccessAgreementTest, AnswersAsCheckClientAccessDoes) {
    spdlog::set_level(spdlog::level::off);
    const std::uint64_t seed = Environment("POLICYD_SEED", 1);
    const std::uint64_t cases = Environment("POLICYD_CASES", 1000);
    const ScratchDirectory scratch;
    ClientAccessGenerator generator(seed, scratch);
    std::map<int, int> codes;
    std::uint64_t compared = 0;
    int disagreements = 0;
    while (compared < cases && disagreements == 0) {
        std::vector<Restrictions> setups;
        for (int i = 0; i < 25; ++i) setups.push_back(generator.MakeRestrictions());
        Judge judge(setups);
        async::EventLoop loop;
        tables::TableSettings settings;
        settings.warn = [](const std::string&) {};
        tables::TableRegistry registry(loop, settings);
        for (std::size_t i = 0; i < setups.size(); ++i) {
            for (int n = 0; n < 40; ++n) {
                const Client client = generator.MakeClient();
                const int postfix = judge.ReplyTo(i, client);
                ASSERT_NE(postfix, kDoesNotTell) << Described(setups[i], client);
                const int ours = OurReplyTo(setups[i], client, loop, registry);
                ++codes[postfix];
                ++compared;
                if (postfix == ours || ++disagreements > 5) continue;
                ADD_FAILURE() << "POLICYD_SEED=" << seed << "\n"
                              << Described(setups[i], client) << "Postfix: " << postfix
                              << "  ours: " << ours;
            }
        }
    }
    std::printf("client access: %llu compared, %d disagree, seed %llu; codes:",
                static_cast<unsigned long long>(compared), disagreements,
                static_cast<unsigned long long>(seed));
    for (const auto& [code, count] : codes) std::printf(" %d (%d)", code, count);
    std::printf("\n");
}

}  // namespace
}  // namespace policyd::test
