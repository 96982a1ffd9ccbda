// The whole job once, over SMTP: a real Postfix that asks the service about every client and every
// recipient, deliveries by virtual(8), and the scanner that measures them.

#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/mariadb_server.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/policyd_process.hpp"
#include "tests/support/postfix_instance.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/smtp_client.hpp"

namespace policyd::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kQuota = 22'000;

const char* const kRows =
    "INSERT INTO domains (domain) VALUES ('example.com'), ('redirected.example'),"
    " ('strict.example');"
    "INSERT INTO users (email, password, quota) VALUES"
    " ('sales@example.com', '', 22000), ('thomas@example.com', '', 0),"
    " ('ann@strict.example', '', 22000), ('bob@strict.example', '', 22000);"
    "INSERT INTO forwardings (source, destination) VALUES"
    " ('info@example.com', 'sales@example.com'), ('@example.com', 'thomas@example.com'),"
    " ('@redirected.example', '@example.com'),"
    " ('twice@strict.example', 'ann@strict.example,ann+copy@strict.example');";

/// The tables and the usage store of one way to run the service.
class BackEnds {
public:
    virtual ~BackEnds() = default;
    virtual std::string Table(const std::string& name) const = 0;
    virtual std::string UsageStore() const = 0;
};

class SqliteBackEnds final : public BackEnds {
public:
    SqliteBackEnds() {
        const fs::path database = scratch_ / "mail.sqlite";
        const std::string schema = ReadFile(SourcePath("conf/schema-sqlite.sql")) + kRows;
        const Finished made = Run({"sqlite3", database.string()}, schema);
        if (made.status != 0) throw std::runtime_error(made.errors);
        fs::permissions(database, fs::perms::others_read, fs::perm_options::add);
        Write("domains", "SELECT domain FROM domains WHERE domain='%s'");
        Write("forwardings", "SELECT destination FROM forwardings WHERE source='%s'");
        Write("email2email", "SELECT email FROM users WHERE email='%s'");
        Write("mailboxes", "SELECT '%d/%u/' FROM users WHERE email='%s'");
        Write("quota", "SELECT quota FROM users WHERE email='%s'");
        Write("transport", "SELECT transport FROM transport WHERE domain='%s'");
    }
    std::string Table(const std::string& name) const override {
        return "sqlite:" + (scratch_ / name).string() + ".cf";
    }
    std::string UsageStore() const override {
        return "sqlite:" + (scratch_ / "usage.sqlite").string();
    }

private:
    void Write(const std::string& name, const std::string& query) {
        scratch_.Write(name + ".cf", "dbpath = " + (scratch_ / "mail.sqlite").string() +
                                         "\nquery = " + query + "\n");
    }
    ScratchDirectory scratch_;
};

class ServerBackEnds final : public BackEnds {
public:
    ServerBackEnds() {
        database_.Execute("CREATE DATABASE mail");
        database_.Execute(ReadFile(SourcePath("conf/schema-mysql.sql")) + kRows, "mail");
        database_.Execute(
            "CREATE USER postfix@localhost IDENTIFIED BY 'toto';"
            "GRANT SELECT ON mail.* TO postfix@localhost");
        // The shipped files, but for the server and the password.
        for (const auto& [name, file] :
             {std::pair("domains", "domains"), std::pair("forwardings", "forwardings"),
              std::pair("email2email", "email2email"), std::pair("mailboxes", "mailboxes"),
              std::pair("quota", "mailboxes_quota"), std::pair("transport", "transport")}) {
            std::istringstream shipped(
                ReadFile(SourcePath("conf") / ("mysql-virtual_" + std::string(file) + ".cf")));
            std::string text;
            for (std::string line; std::getline(shipped, line);) {
                if (line.starts_with("hosts")) line = "hosts = " + database_.Hosts();
                if (line.starts_with("password")) line = "password = toto";
                if (line.starts_with("user")) line = "user = postfix";
                if (line.starts_with("dbname")) line = "dbname = mail";
                text += line + "\n";
            }
            scratch_.Write(std::string(name) + ".cf", text);
        }
    }
    std::string Table(const std::string& name) const override {
        return "mysql:" + (scratch_ / name).string() + ".cf";
    }
    std::string UsageStore() const override { return "redis:" + redis_.UnixEndpoint().ToText(); }

private:
    MariaDbServer database_;
    RedisServer redis_;
    ScratchDirectory scratch_;
};

class MailStory {
public:
    explicit MailStory(const BackEnds& back_ends)
        : port_(FreePort()), postfix_(PostfixParameters(back_ends)) {
        scratch_.Write("clients.cidr", "192.0.2.0/24 OK\n127.0.0.1 OK\n");
        config_ = scratch_.Write("policyd.toml", Configuration(back_ends));
        policyd_ = std::make_unique<PolicydProcess>(config_, port_);
    }

    /// A session of a client that is on the list, up to MAIL.
    static void Begin(SmtpClient& client, const std::string& address = "192.0.2.7") {
        ASSERT_EQ(client.Xclient({{"ADDR", address}, {"NAME", "[UNAVAILABLE]"}}).code, 250);
        ASSERT_EQ(client.Mail("sender@elsewhere.example").code, 250);
    }

    SmtpReply ReplyToRcpt(const std::string& recipient, const std::string& address = "192.0.2.7",
                          std::optional<std::uint64_t> size = {}) {
        SmtpClient client(postfix_.Port());
        client.Xclient({{"ADDR", address}, {"NAME", "[UNAVAILABLE]"}});
        client.Mail("sender@elsewhere.example", size);
        return client.Rcpt(recipient);
    }

    /// Sends a message and waits until it is where it goes.
    SmtpReply Send(const std::string& recipient, std::size_t body_bytes) {
        SmtpClient client(postfix_.Port());
        Begin(client);
        const SmtpReply reply = client.Rcpt(recipient);
        if (!reply.IsPositive()) return reply;
        const SmtpReply end = client.Data(SampleMessage(body_bytes));
        client.Quit();
        postfix_.WaitUntilIdle();
        return end;
    }

    /// Sends one message to a recipient that is written in so many ways, each of which Postfix
    /// takes for another recipient. Returns how many of them were accepted.
    std::size_t SendWrittenDifferently(const std::string& recipient, int ways) {
        SmtpClient client(postfix_.Port());
        Begin(client);
        std::size_t accepted = 0;
        for (int way = 0; way < ways; ++way)
            if (client.Rcpt("@relay" + std::to_string(way) + ".example:" + recipient).IsPositive())
                ++accepted;
        client.Data(SampleMessage(1000));
        client.Quit();
        postfix_.WaitUntilIdle();
        return accepted;
    }

    std::size_t MessagesOf(const std::string& mailbox) const {
        std::size_t count = 0;
        std::error_code missing;
        for (const char* part : {"new", "cur"})
            for (fs::directory_iterator i(postfix_.MailStore() / mailbox / part, missing), end;
                 !missing && i != end; ++i)
                ++count;
        return count;
    }

    void Empty(const std::string& mailbox) {
        for (const auto& entry : fs::directory_iterator(postfix_.MailStore() / mailbox / "new"))
            fs::remove(entry.path());
    }

    void Scan() {
        const Finished scan =
            Run({ProgramPath("policyd-scan"), "--config", config_.string(), "--once"});
        ASSERT_EQ(scan.status, 0) << scan.errors;
    }

    PolicydProcess& Policyd() { return *policyd_; }

private:
    PostfixInstance::Parameters PostfixParameters(const BackEnds& back_ends) {
        const std::string service = "check_policy_service inet:127.0.0.1:" + std::to_string(port_);
        return {
            {"recipient_delimiter", "+"},
            {"virtual_alias_domains", ""},
            {"virtual_alias_maps",
             back_ends.Table("forwardings") + ", " + back_ends.Table("email2email")},
            {"virtual_mailbox_domains", back_ends.Table("domains")},
            {"virtual_mailbox_maps", back_ends.Table("mailboxes")},
            {"transport_maps", back_ends.Table("transport")},
            // As README and the sample of main.cf say.
            {"smtpd_relay_restrictions",
             "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"},
            {"smtpd_reject_unlisted_recipient", "no"},
            {"smtpd_recipient_restrictions", service},
            {"smtpd_end_of_data_restrictions", service},
        };
    }

    std::string Configuration(const BackEnds& back_ends) {
        const auto option = [](const std::string& name, const std::string& value) {
            return name + " = \"" + value + "\"\n";
        };
        return option("listen", "inet:127.0.0.1:" + std::to_string(port_)) +
               option("client_access_maps", "cidr:" + (scratch_ / "clients.cidr").string()) +
               option("client_access_default", "REJECT Access denied") +
               option("myhostname", "mx.lab.test") +
               option("mydestination", "mx.lab.test, localhost") +
               option("recipient_delimiter", "+") + option("virtual_alias_domains", "") +
               option("virtual_alias_maps",
                      back_ends.Table("forwardings") + ", " + back_ends.Table("email2email")) +
               option("virtual_mailbox_domains", back_ends.Table("domains")) +
               option("virtual_mailbox_maps", back_ends.Table("mailboxes")) +
               option("virtual_mailbox_limit_maps", back_ends.Table("quota")) +
               option("transport_maps", back_ends.Table("transport")) +
               option("virtual_mailbox_base", postfix_.MailStore().string()) +
               option("usage_store", back_ends.UsageStore()) +
               option("recipient_cache_time", "0s") + option("unknown_recipient_cache_time", "0s") +
               option("reservation_grace", "0s") + option("scan_live", "off") +
               option("scan_state_file", (scratch_ / "scan.state").string());
    }

    ScratchDirectory scratch_;
    int port_;
    PostfixInstance postfix_;
    fs::path config_;
    std::unique_ptr<PolicydProcess> policyd_;
};

template <typename Kind>
class MailStoryTest : public testing::Test {};

class BackEndNames {
public:
    template <typename Kind>
    static std::string GetName(int) {
        return std::is_same_v<Kind, SqliteBackEnds> ? "OnSqliteAlone" : "OnMySqlAndRedis";
    }
};

using Kinds = testing::Types<SqliteBackEnds, ServerBackEnds>;
TYPED_TEST_SUITE(MailStoryTest, Kinds, BackEndNames);

TYPED_TEST(MailStoryTest, IsToldFromTheFirstClientToTheMailboxThatTakesMailAgain) {
    const TypeParam back_ends;
    MailStory story(back_ends);

    const SmtpReply stranger = story.ReplyToRcpt("sales@example.com", "203.0.113.9");
    EXPECT_EQ(stranger.code, 554) << stranger.text;

    EXPECT_EQ(story.ReplyToRcpt("somebody@foreign.example", "192.0.2.254").code, 250)
        << "mynetworks";
    EXPECT_EQ(story.ReplyToRcpt("somebody@foreign.example").code, 554) << "no open relay";

    const SmtpReply unknown = story.ReplyToRcpt("nobody@strict.example");
    EXPECT_EQ(unknown.code, 550) << unknown.text;
    EXPECT_NE(unknown.text.find("5.1.1"), std::string::npos) << unknown.text;
    EXPECT_EQ(story.ReplyToRcpt("ann@strict.example").code, 250);

    EXPECT_EQ(story.Send("sales@example.com", 1000).code, 250);
    EXPECT_EQ(story.MessagesOf("example.com/sales"), 1u);
    EXPECT_EQ(story.Send("info@example.com", 1000).code, 250) << "an alias";
    EXPECT_EQ(story.MessagesOf("example.com/sales"), 2u);
    EXPECT_EQ(story.Send("nobody.in.particular@example.com", 1000).code, 250) << "the catch-all";
    EXPECT_EQ(story.MessagesOf("example.com/thomas"), 1u);
    EXPECT_EQ(story.Send("sales@redirected.example", 1000).code, 250) << "a redirected domain";
    EXPECT_EQ(story.MessagesOf("example.com/sales"), 3u);

    EXPECT_EQ(story.Send("twice@strict.example", 1000).code, 250) << "two ways to one mailbox";
    EXPECT_EQ(story.MessagesOf("strict.example/ann"), 2u);
    EXPECT_EQ(story.SendWrittenDifferently("bob@strict.example", 15), 10u);
    EXPECT_EQ(story.MessagesOf("strict.example/bob"), 10u) << "each is delivered a copy";
    EXPECT_EQ(story.ReplyToRcpt("ann@strict.example", "192.0.2.7", kQuota / 2).code, 250);
    EXPECT_EQ(story.ReplyToRcpt("twice@strict.example", "192.0.2.7", kQuota / 2).code, 552);

    story.Scan();
    EXPECT_EQ(story.ReplyToRcpt("sales@example.com", "192.0.2.7", kQuota).code, 552)
        << story.Policyd().Output();
    EXPECT_EQ(story.Send("sales@example.com", 15'000).code, 250);
    story.Scan();
    const SmtpReply full = story.ReplyToRcpt("sales@example.com", "192.0.2.7", 15'000);
    EXPECT_EQ(full.code, 552) << full.text;
    EXPECT_NE(full.text.find("5.2.2"), std::string::npos) << full.text;
    EXPECT_EQ(story.ReplyToRcpt("info@example.com", "192.0.2.7", 15'000).code, 552) << "the alias";
    EXPECT_EQ(story.Send("sales@example.com", 15'000).code, 552) << "at the end, by its real size";
    story.Policyd().WaitForOutput("for sales@example.com in sales@example.com: 552");
    EXPECT_EQ(story.MessagesOf("example.com/sales"), 4u);

    story.Empty("example.com/sales");
    story.Scan();
    EXPECT_EQ(story.Send("info@example.com", 15'000).code, 250);
    EXPECT_EQ(story.MessagesOf("example.com/sales"), 1u);

    EXPECT_EQ(story.Policyd().Stop(), 0);
}

}  // namespace
}  // namespace policyd::test
