#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/integration/client_access_agreement_generator.hpp"
#include "tests/support/policyd_process.hpp"
#include "tests/support/postfix_instance.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"
#include "tests/support/smtp_client.hpp"

namespace policyd::test {

/// What a client's mail came to.
struct ClientOutcome {
    int rcpt = 0;  ///< the code of the reply to RCPT
    int end = 0;   ///< of the reply to the end of data; 0: not asked
    /// From Postfix alone: a restriction that a table names refused, not the table.
    bool is_of_restriction = false;
    /// "held", "in other", "X-A in box": where copies of the message are, and headers put before.
    std::set<std::string> effects;

    bool operator==(const ClientOutcome& other) const {
        return rcpt == other.rcpt && end == other.end && effects == other.effects;
    }

    std::string ToText() const {
        std::string text = std::to_string(rcpt);
        if (end != 0) text += ", end of data " + std::to_string(end);
        for (const std::string& effect : effects) text += ", " + effect;
        return text;
    }
};

/// One Postfix with two smtpd for each set of tables: one has them in check_client_access, the
/// other one asks a policyd that has them in client_access_maps.
class ClientAccessJudge {
public:
    enum Side { kPostfix, kPolicyd };

    explicit ClientAccessJudge(const std::vector<Restrictions>& setups) {
        std::vector<std::string> services;
        PostfixInstance::Parameters parameters = Parameters();
        std::string proxied;
        for (std::size_t i = 0; i < setups.size(); ++i) {
            const std::string number = std::to_string(i);
            const int policy = StartPolicyd(setups[i], number);
            parameters["client_restrictions_" + number] = ClientRestrictions(setups[i]);
            const std::string parents =
                setups[i].parents_match_subdomains ? "" : " -o parent_domain_matches_subdomains=";
            ports_[kPostfix].push_back(FreePort());
            services.push_back(Smtpd(ports_[kPostfix].back()) +
                               " -o smtpd_client_restrictions=$client_restrictions_" + number +
                               parents);
            ports_[kPolicyd].push_back(FreePort());
            services.push_back(Smtpd(ports_[kPolicyd].back()) +
                               " -o { smtpd_recipient_restrictions = reject_unauth_destination, "
                               "check_policy_service inet:127.0.0.1:" +
                               std::to_string(policy) + " }");
            for (const std::string& table : setups[i].tables)
                if (table.starts_with("proxy:")) proxied += table + ' ';
        }
        parameters["proxy_read_maps"] = proxied;
        postfix_ = std::make_unique<PostfixInstance>(parameters, services);
    }

    /// Lets a client send one message; returns its number.
    std::size_t Send(Side side, std::size_t setup, const Client& client) {
        try {
            outcomes_.push_back(Play(side, setup, client));
        } catch (const std::exception& error) {
            throw std::runtime_error(error.what() + ("\n" + postfix_->Log()));
        }
        return outcomes_.size() - 1;
    }

    /// What became of every message, by its number.
    const std::vector<ClientOutcome>& Outcomes() {
        postfix_->WaitUntilIdle();
        for (const auto& entry : Files(postfix_->Directory() / "queue/hold"))
            EffectsOf(ReadFile(entry)).insert("held");
        for (const auto& entry : Files(postfix_->MailStore())) {
            const std::string message = ReadFile(entry);
            const std::string box = entry.parent_path().parent_path().filename();
            EffectsOf(message).insert("in " + box);
            for (const char* header : {"X-A: ", "X-B: "}) {
                if (message.find(std::string("\n") + header) != std::string::npos)
                    EffectsOf(message).insert(header + box);
            }
        }
        return outcomes_;
    }

private:
    ClientOutcome Play(Side side, std::size_t setup, const Client& client) {
        std::unique_ptr<SmtpClient>& connection = connections_[side];
        if (setup != setup_[side] || !connection) {
            connection = std::make_unique<SmtpClient>(ports_[side][setup]);
            connection->Ehlo();
            setup_[side] = setup;
        }
        Present(*connection, client);
        connection->Mail("sender@elsewhere.example");
        ClientOutcome outcome;
        const SmtpReply reply = connection->Rcpt("box@example.com");
        outcome.rcpt = reply.code;
        outcome.is_of_restriction =
            reply.text.find("cannot find your hostname") != std::string::npos;
        if (outcome.rcpt == 250) {
            const std::string number = std::to_string(outcomes_.size());
            outcome.end = connection->Data("X-Case: " + number + "\n\nx\n").code;
        }
        if (outcome.rcpt == 421 || outcome.rcpt == 521) {
            connection.reset();
        } else {
            connection->Rset();
        }
        return outcome;
    }

    static PostfixInstance::Parameters Parameters() {
        return {{"inet_protocols", "all"},
                {"smtpd_authorized_xclient_hosts", "0.0.0.0/0, [::]/0"},
                {"smtpd_relay_restrictions", ""},
                {"smtpd_recipient_restrictions", "reject_unauth_destination"},
                {"default_process_limit", "200"},
                {"mydestination", ""},
                {"local_recipient_maps", ""},
                {"virtual_mailbox_domains", "example.com"},
                {"virtual_mailbox_maps",
                 "inline:{ {box@example.com = box/} {other@example.com = other/} "
                 "{copy@example.com = copy/} }"}};
    }

    static std::string Smtpd(int port) {
        return "127.0.0.1:" + std::to_string(port) + " inet n - n - - smtpd";
    }

    static std::string ClientRestrictions(const Restrictions& setup) {
        std::string restrictions;
        for (const std::string& table : setup.tables)
            restrictions += "check_client_access " + table + ", ";
        return restrictions + (setup.refuses_others ? "reject" : "");
    }

    static std::string Quoted(const std::string& text) {
        std::string quoted = "\"";
        for (const char c : text)
            quoted += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
        return quoted + '"';
    }

    int StartPolicyd(const Restrictions& setup, const std::string& number) {
        const int port = FreePort();
        std::string tables;
        for (const std::string& table : setup.tables)
            tables += (tables.empty() ? "" : ", ") + Quoted(table);
        const auto config = scratch_.Write(
            "policyd" + number + ".toml",
            "listen = \"inet:127.0.0.1:" + std::to_string(port) +
                "\"\nchecks = [\"client_access\"]\nclient_access_maps = [" + tables +
                "]\nclient_access_default = " +
                (setup.refuses_others ? "\"554 5.7.1 no\"" : "\"DUNNO\"") +
                "\nparent_domain_matches_subdomains = " +
                (setup.parents_match_subdomains ? "[\"smtpd_access_maps\"]" : "[]") +
                "\nusage_store = " + Quoted("sqlite:" + (scratch_ / ("usage" + number)).string()) +
                "\ntable_failure_action = \"451 4.3.5 no answer\"\nworkers = 1\ncontrol_socket = "
                "\"\"\nmetrics_listen = \"\"\n");
        services_.push_back(std::make_unique<PolicydProcess>(config, port));
        return port;
    }

    static void Present(SmtpClient& connection, const Client& client) {
        const bool is_ipv6 = client.address.find(':') != std::string::npos;
        const std::string name = client.name == "unknown" ? "[UNAVAILABLE]" : client.name;
        const SmtpReply presented = connection.Xclient(
            {{"ADDR", (is_ipv6 ? "IPV6:" : "") + client.address}, {"NAME", name}});
        if (!presented.IsPositive())
            throw std::runtime_error("XCLIENT: " + std::to_string(presented.code) + ' ' +
                                     presented.text);
    }

    static std::vector<std::filesystem::path> Files(const std::filesystem::path& directory) {
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
            if (entry.is_regular_file()) files.push_back(entry.path());
        return files;
    }

    /// The effects on the case whose number a message, or a queue file with one, holds.
    std::set<std::string>& EffectsOf(const std::string& message) {
        const std::size_t mark = message.find("X-Case: ");
        if (mark == std::string::npos) throw std::logic_error("not our message: " + message);
        return outcomes_.at(std::stoul(message.substr(mark + 8))).effects;
    }

    const ScratchDirectory scratch_;
    std::vector<std::unique_ptr<PolicydProcess>> services_;
    std::vector<int> ports_[2];
    std::unique_ptr<PostfixInstance> postfix_;
    std::unique_ptr<SmtpClient> connections_[2];
    std::size_t setup_[2] = {0, 0};
    std::vector<ClientOutcome> outcomes_;
};

}  // namespace policyd::test
