// A real Postfix under constant load while MySQL, Redis and policyd are killed, hung and restarted
// at random; then the books: nothing refused for good that exists, no accepted message lost, nobody
// kept waiting beyond what Postfix's retries explain, the stored usage right.
//
//     policyd-chaos SECONDS [SEED]

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "common/usage/redis_keys.hpp"
#include "tests/support/mariadb_server.hpp"
#include "tests/support/policyd_process.hpp"
#include "tests/support/postfix_instance.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/smtp_client.hpp"

namespace policyd::test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kUsers = 20;
constexpr int kClients = 6;
/// Two attempts of Postfix with the budget and a second in between, and the same again for its own
/// tables, on a machine that is busy with more than this.
constexpr milliseconds kLongestWait{20'000};

std::string User(int number) {
    return "user" + std::to_string(number);
}

/// What the clients saw, all together.
struct Books {
    std::mutex mutex;
    std::map<std::string, std::uint64_t> accepted;  // messages by user; guarded by mutex
    std::map<int, std::uint64_t> replies;           // to RCPT, by code; guarded by mutex
    std::vector<std::string> wrong;                 // guarded by mutex
    milliseconds longest{0};                        // guarded by mutex
    std::uint64_t broken_sessions = 0;              // guarded by mutex

    void NoteRcpt(bool exists, const SmtpReply& reply, milliseconds took) {
        const std::lock_guard lock(mutex);
        ++replies[reply.code];
        longest = std::max(longest, took);
        const bool refused = reply.code >= 500;
        if (exists ? refused : reply.IsPositive())
            wrong.push_back(std::to_string(reply.code) + ' ' + reply.text);
    }
};

class Site {
public:
    Site() : port_(FreePort()), postfix_(MakePostfixParameters()) {
        std::string options = "listen = \"inet:127.0.0.1:" + std::to_string(port_) + "\"\n";
        options += "usage_store = \"redis:" + redis_.UnixEndpoint().ToText() + "\"\n";
        options += "virtual_mailbox_base = \"" + postfix_.MailStore().string() + "\"\n";
        for (const char* name : {"domains", "maps", "limit_maps"})
            options += "virtual_mailbox_" + std::string(name) + " = \"" + Table(name) + "\"\n";
        options +=
            "request_time_limit = \"2s\"\nmysql_time_limit = \"1s\"\nstale_time = \"0s\"\n"
            "scan_state_file = \"\"\nreservation_grace = \"0s\"\n";
        config_ = scratch_.Write("policyd.toml", options);
        policyd_ = std::make_unique<PolicydProcess>(config_, port_);
    }

    PostfixInstance& Postfix() { return postfix_; }

    /// One disturbance, chosen by the random number, from its beginning to its end.
    void Disturb(std::minstd_rand& random) {
        const milliseconds length(200 + random() % 3'000);
        const auto wait = [length] { std::this_thread::sleep_for(length); };
        switch (random() % 6) {
            case 0:
                policyd_->Kill();
                policyd_->Start();
                break;
            case 1:
                policyd_->Signal(SIGSTOP);
                wait();
                policyd_->Signal(SIGCONT);
                break;
            case 2:
                if (policyd_->Stop() != 0) throw std::runtime_error(policyd_->Output());
                policyd_->Start();
                break;
            case 3:
                database_.Pause();
                wait();
                database_.Resume();
                break;
            case 4:
                redis_.Stop(SIGKILL);
                wait();
                redis_.Start();
                break;
            case 5:
                redis_.Pause();
                wait();
                redis_.Resume();
                break;
        }
    }

    /// Delivers what an outage has put off.
    void DeliverAll() {
        postfix_.WaitUntilIdle();
        for (int attempt = 0; attempt < 20 && postfix_.DeferredMessages() > 0; ++attempt) {
            postfix_.Command({"postqueue", "-f"});
            postfix_.WaitUntilIdle();
        }
    }

    std::uint64_t MessagesOf(const std::string& user) const {
        std::error_code missing;
        std::uint64_t count = 0;
        for (fs::directory_iterator i(postfix_.MailStore() / "example.com" / user / "new", missing),
             end;
             !missing && i != end; ++i)
            ++count;
        return count;
    }

    /// Whether the store says the same as the disk of every mailbox, after a scan.
    std::size_t WrongUsages() const {
        const Finished scan = Run({(fs::path(POLICYD_BUILD_DIR) / "bin/policyd-scan").string(),
                                   "--config", config_.string(), "--once"});
        if (scan.status != 0) throw std::runtime_error("policyd-scan: " + scan.errors);
        std::size_t wrong = 0;
        for (int i = 0; i < kUsers; ++i) {
            const std::uint64_t messages = MessagesOf(User(i));
            if (messages == 0) continue;
            const std::string key = usage::RedisMailboxKey(User(i) + "@example.com");
            if (redis_.Command({"HGET", key, "n"}) != std::to_string(messages)) ++wrong;
        }
        return wrong;
    }

private:
    std::string Table(const std::string& name) const {
        return "mysql:" + (scratch_ / name).string() + ".cf";
    }
    void WriteTable(const std::string& name, const std::string& query) const {
        scratch_.Write(name + ".cf", "hosts = " + database_.Hosts() +
                                         "\nuser = postfix\npassword = toto\ndbname = mail\n"
                                         "query = " +
                                         query + "\n");
    }

    PostfixInstance::Parameters MakePostfixParameters() {
        database_.Execute("CREATE DATABASE mail");
        std::string statements = "CREATE TABLE users (email VARCHAR(200) PRIMARY KEY);";
        for (int i = 0; i < kUsers; ++i)
            statements += "INSERT INTO users VALUES ('" + User(i) + "@example.com');";
        database_.Execute(statements +
                              "CREATE USER postfix@localhost IDENTIFIED BY 'toto';"
                              "GRANT SELECT ON mail.* TO postfix@localhost",
                          "mail");
        WriteTable("domains", "SELECT 'x' FROM DUAL WHERE '%s' = 'example.com'");
        WriteTable("maps", "SELECT '%d/%u/' FROM users WHERE email='%s'");
        WriteTable("limit_maps", "SELECT 1000000000 FROM users WHERE email='%s'");
        const std::string service =
            "check_policy_service { inet:127.0.0.1:" + std::to_string(port_) + ", timeout=10s }";
        return {{"virtual_mailbox_domains", Table("domains")},
                {"virtual_mailbox_maps", Table("maps")},
                {"smtpd_relay_restrictions", "reject_unauth_destination"},
                {"smtpd_reject_unlisted_recipient", "no"},
                {"smtpd_recipient_restrictions", "reject_unauth_destination, " + service},
                {"smtpd_end_of_data_restrictions", service}};
    }

    ScratchDirectory scratch_;
    int port_;
    MariaDbServer database_;
    RedisServer redis_;
    PostfixInstance postfix_;
    fs::path config_;
    std::unique_ptr<PolicydProcess> policyd_;
};

/// One session: a recipient, and if it is accepted a message.
void SendOne(Site& site, Books& books, std::minstd_rand& random) {
    SmtpClient client(site.Postfix().Port());
    client.Ehlo();
    client.Mail("sender@elsewhere.example");
    const bool exists = random() % 4 != 0;
    const std::string user =
        exists ? User(static_cast<int>(random() % kUsers)) : "nobody" + std::to_string(random());
    const auto asked = Clock::now();
    const SmtpReply reply = client.Rcpt(user + "@example.com");
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - asked);
    books.NoteRcpt(exists, reply, took);
    if (!reply.IsPositive()) return;
    const SmtpReply end = client.Data(SampleMessage(random() % 5'000));
    const std::lock_guard lock(books.mutex);
    if (end.code == 250) ++books.accepted[user];
    if (end.code >= 500) books.wrong.push_back("at the end: " + end.text);
}

int Report(Site& site, Books& books, int disturbances, double seconds) {
    site.DeliverAll();
    std::uint64_t accepted = 0;
    std::uint64_t lost = 0;
    for (const auto& [user, messages] : books.accepted) {
        accepted += messages;
        lost += messages - std::min(messages, site.MessagesOf(user));
    }
    const std::size_t wrong_usages = site.WrongUsages();
    std::printf("%.0f s, %d disturbances, %llu messages accepted, %llu sessions broken off\n",
                seconds, disturbances, static_cast<unsigned long long>(accepted),
                static_cast<unsigned long long>(books.broken_sessions));
    for (const auto& [code, count] : books.replies)
        std::printf("  %d to RCPT: %llu\n", code, static_cast<unsigned long long>(count));
    std::printf(
        "wrong replies: %zu\nmessages lost: %llu\nlongest wait for a reply: %.1f s\n"
        "mailboxes whose stored usage is wrong: %zu\n",
        books.wrong.size(), static_cast<unsigned long long>(lost),
        static_cast<double>(books.longest.count()) / 1000, wrong_usages);
    for (const std::string& wrong : books.wrong) std::printf("  wrong: %s\n", wrong.c_str());
    const bool balanced = books.wrong.empty() && lost == 0 && wrong_usages == 0 &&
                          books.longest <= kLongestWait && accepted > 0;
    std::puts(balanced ? "the books are balanced" : "THE BOOKS ARE NOT BALANCED");
    return balanced ? 0 : 1;
}

int Chaos(int seconds, unsigned seed) {
    std::printf("seed %u\n", seed);
    Site site;
    Books books;
    std::atomic<bool> stopping = false;
    const auto serve = [&](unsigned number) {
        std::minstd_rand random(seed + number);
        while (!stopping) {
            try {
                SendOne(site, books, random);
            } catch (const std::runtime_error&) {
                const std::lock_guard lock(books.mutex);
                ++books.broken_sessions;
            }
        }
    };
    std::vector<std::thread> clients;
    for (unsigned i = 1; i <= kClients; ++i) clients.emplace_back(serve, i);
    std::minstd_rand random(seed);
    int disturbances = 0;
    const auto began = Clock::now();
    while (Clock::now() - began < std::chrono::seconds(seconds)) {
        site.Disturb(random);
        ++disturbances;
        std::this_thread::sleep_for(milliseconds(random() % 2'000));
    }
    stopping = true;
    for (std::thread& client : clients) client.join();
    const std::chrono::duration<double> took = Clock::now() - began;
    return Report(site, books, disturbances, took.count());
}

}  // namespace
}  // namespace policyd::test

int main(int argc, char** argv) {
    const int seconds = argc > 1 ? std::atoi(argv[1]) : 0;
    if (seconds <= 0) {
        std::fputs("policyd-chaos SECONDS [SEED]\n", stderr);
        return 64;
    }
    const unsigned seed = argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10))
                                   : std::random_device{}();
    return policyd::test::Chaos(seconds, seed);
}
