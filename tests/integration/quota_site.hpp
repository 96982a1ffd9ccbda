#pragma once

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/paths.hpp"
#include "tests/support/policyd_process.hpp"
#include "tests/support/postfix_instance.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/smtp_client.hpp"

namespace policyd::test {

/// A mail server as a site runs it: Postfix that asks policyd at RCPT and at END-OF-MESSAGE,
/// virtual(8), usage in Redis, and policyd-scan. ann@, bob@ and eve@example.com exist; team@ leads
/// to ann and bob.
class QuotaSite {
public:
    /// Options of policyd.toml, with their values as TOML has them, win over those chosen here.
    using Options = std::map<std::string, std::string>;

    explicit QuotaSite(const Options& options, const PostfixInstance::Parameters& parameters = {})
        : port_(FreePort()), postfix_(With(PostfixParameters(), parameters)) {
        WriteConfiguration(options);
        policyd_ = std::make_unique<PolicydProcess>(config_, port_);
    }

    static std::string Quoted(const std::string& text) { return '"' + text + '"'; }
    /// virtual_mailbox_limit_maps: {"ann=10000", "bob=5000"}.
    static std::string Limits(const std::vector<std::string>& limits) {
        std::string table = "inline:{";
        for (const std::string& limit : limits) {
            const std::size_t equals = limit.find('=');
            table += " { " + limit.substr(0, equals) +
                     "@example.com = " + limit.substr(equals + 1) + " }";
        }
        return Quoted(table + " }");
    }

    PostfixInstance& Postfix() { return postfix_; }
    PolicydProcess& Policyd() { return *policyd_; }
    RedisServer& Redis() { return redis_; }
    const std::filesystem::path& Config() const { return config_; }

    void Scan() const {
        const Finished scan =
            Run({ProgramPath("policyd-scan"), "--config", config_.string(), "--once"});
        if (scan.status != 0) throw std::runtime_error(scan.output + scan.errors);
    }

    /// The files in a user's Maildir.
    std::vector<std::filesystem::path> FilesOf(const std::string& user) const {
        std::vector<std::filesystem::path> files;
        std::error_code missing;
        const std::filesystem::path maildir = postfix_.MailStore() / "example.com" / user;
        for (const char* part : {"new", "cur"})
            for (std::filesystem::directory_iterator i(maildir / part, missing), end;
                 !missing && i != end; ++i)
                files.push_back(i->path());
        return files;
    }
    std::uint64_t BytesOf(const std::string& user) const {
        std::uint64_t bytes = 0;
        for (const auto& file : FilesOf(user)) bytes += std::filesystem::file_size(file);
        return bytes;
    }

    /// What is sent of a message in a session: its recipients, and the size that is declared.
    struct Mail {
        std::vector<std::string> recipients;
        std::string text;
        bool declares_size = true;
    };

    /// The size that Postfix tells of a message at its end.
    static std::uint64_t SizeOf(const std::string& text) {
        return text.size() + static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
    }

    /// In one session: the code that each recipient got, and that of the end.
    std::vector<int> Send(const Mail& mail) const {
        SmtpClient client(postfix_.Port());
        client.Ehlo();
        return Send(client, mail);
    }

    /// `sessions` at once, that each send the message so many times.
    void SendAtOnce(int sessions, int times, const Mail& mail) const {
        std::vector<std::thread> threads;
        std::atomic<bool> failed = false;
        for (int i = 0; i < sessions; ++i)
            threads.emplace_back([&] {
                try {
                    SmtpClient client(postfix_.Port());
                    client.Ehlo();
                    for (int n = 0; n < times; ++n) Send(client, mail);
                    client.Quit();
                } catch (const std::exception& error) {
                    fprintf(stderr, "session: %s\n", error.what());
                    failed = true;
                }
            });
        for (std::thread& thread : threads) thread.join();
        if (failed) throw std::runtime_error("a session failed");
        postfix_.WaitUntilIdle();
    }

private:
    static std::vector<int> Send(SmtpClient& client, const Mail& mail) {
        std::vector<int> codes;
        std::optional<std::uint64_t> size;
        if (mail.declares_size) size = SizeOf(mail.text);
        client.Mail("sender@elsewhere.example", size);
        bool any = false;
        for (const std::string& recipient : mail.recipients) {
            codes.push_back(client.Rcpt(recipient).code);
            any = any || codes.back() == 250;
        }
        codes.push_back(any ? client.Data(mail.text).code : client.Rset().code);
        return codes;
    }

    static PostfixInstance::Parameters With(PostfixInstance::Parameters base,
                                            const PostfixInstance::Parameters& changes) {
        for (const auto& [name, value] : changes) base[name] = value;
        return base;
    }

    static constexpr const char* kDomains = "inline:{ { example.com = x } }";
    static constexpr const char* kMailboxes =
        "inline:{ { ann@example.com = example.com/ann/ } { bob@example.com = example.com/bob/ }"
        " { eve@example.com = example.com/eve/ } }";
    static constexpr const char* kAliases =
        "inline:{ { team@example.com = ann@example.com, bob@example.com } }";

    PostfixInstance::Parameters PostfixParameters() const {
        const std::string service = "check_policy_service inet:127.0.0.1:" + std::to_string(port_);
        return {
            {"virtual_mailbox_domains", kDomains},
            {"virtual_mailbox_maps", kMailboxes},
            {"virtual_alias_maps", kAliases},
            {"virtual_alias_domains", ""},
            {"smtpd_relay_restrictions", "reject_unauth_destination"},
            {"smtpd_recipient_restrictions", "reject_unauth_destination, " + service},
            {"smtpd_end_of_data_restrictions", service},
        };
    }

    void WriteConfiguration(const Options& options) {
        Options all = {
            {"listen", Quoted("inet:127.0.0.1:" + std::to_string(port_))},
            {"checks", "[\"recipient\", \"mailbox_quota\"]"},
            {"workers", "2"},
            {"myhostname", Quoted("mx.lab.test")},
            {"virtual_mailbox_domains", Quoted(kDomains)},
            {"virtual_mailbox_maps", Quoted(kMailboxes)},
            {"virtual_alias_maps", Quoted(kAliases)},
            {"virtual_mailbox_base", Quoted(postfix_.MailStore().string())},
            {"usage_store", Quoted("redis:" + redis_.UnixEndpoint().ToText())},
            {"redis_time_limit", Quoted("10s")},
            {"request_time_limit", Quoted("20s")},
            {"reservation_grace", Quoted("0s")},
            {"scan_live", Quoted("off")},
            {"scan_state_file", Quoted((scratch_ / "scan.state").string())},
        };
        for (const auto& [name, value] : options) all[name] = value;
        std::string text;
        for (const auto& [name, value] : all) text += name + " = " + value + "\n";
        config_ = scratch_.Write("policyd.toml", text);
    }

    ScratchDirectory scratch_;
    RedisServer redis_;
    int port_;
    PostfixInstance postfix_;
    std::filesystem::path config_;
    std::unique_ptr<PolicydProcess> policyd_;
};

}  // namespace policyd::test
