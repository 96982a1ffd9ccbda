// What delivery makes of a message: the file in the mail store against the size that Postfix tells
// at the end of the message. The default of delivery_overhead is an upper bound of what is seen
// here.

#include "policyd/checks/delivery_overhead.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <optional>

#include "tests/support/postfix_instance.hpp"
#include "tests/support/smtp_client.hpp"

namespace policyd::test {
namespace {

namespace fs = std::filesystem;

/// As long as names get that people and machines use.
const std::string kLongUser = "accounts-payable.department.of.the.european.subsidiary.and.others";
const std::string kLongDomain = "a-rather-long-company-name-with-hyphens.mail.example";
const std::string kLongHost =
    "mail-eur05-outbound-relay-0123.internal.protection.a-rather-long-provider-name.example";
const std::string kVerpSender =
    "bounces+12345678-0a1b-" + kLongUser + "=" + kLongDomain + "@em1234.bulk.sender.example";

struct OverheadCase {
    const char* name;
    std::string client;
    std::string address;
    std::string sender;
    std::string recipient;
    bool encrypted;
};

const OverheadCase kCases[] = {
    {"ShortNames", "mx.a.example", "192.0.2.1", "joe@a.example", "ann@b.example", false},
    {"NoNameAndNoSender", "[UNAVAILABLE]", "192.0.2.1", "", "ann@b.example", false},
    {"LongNames", kLongHost, "IPV6:2001:db8:1234:5678:9abc:def0:1234:5678", kVerpSender,
     kLongUser + "@" + kLongDomain, false},
    {"LongNamesEncrypted", kLongHost, "IPV6:2001:db8:1234:5678:9abc:def0:1234:5678", kVerpSender,
     kLongUser + "@" + kLongDomain, true},
};

void PrintTo(const OverheadCase& c, std::ostream* out) {
    *out << c.name;
}

/// A session of Python's: with STARTTLS, which SmtpClient does not speak.
constexpr const char* kEncryptedSession = R"(
import smtplib, ssl, sys
port, helo, name, address, sender, recipient = sys.argv[1:]
session = smtplib.SMTP('127.0.0.1', int(port), local_hostname=helo)
session.ehlo()
session.docmd('XCLIENT', 'NAME=%s ADDR=%s' % (name, address))
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
session.ehlo()
session.starttls(context=context)
session.sendmail(sender, [recipient], sys.stdin.read())
session.quit()
)";

class DeliveryOverheadTest : public testing::TestWithParam<OverheadCase> {
protected:
    DeliveryOverheadTest() : postfix_(Parameters()) {}

    PostfixInstance::Parameters Parameters() const {
        const fs::path key = certificate_ / "key.pem";
        const Finished made = test::Run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                                         "-days", "2", "-subj", "/CN=mx.lab.test", "-keyout",
                                         key.string(), "-out", key.string() + ".crt"});
        if (made.status != 0) throw std::runtime_error(made.errors);
        const std::string& recipient = GetParam().recipient;
        return {{"myhostname", kLongHost},
                {"virtual_mailbox_domains",
                 "inline:{ { " + recipient.substr(recipient.find('@') + 1) + " = x } }"},
                {"virtual_mailbox_maps", "inline:{ { " + recipient + " = box/ } }"},
                {"smtpd_relay_restrictions", "reject_unauth_destination"},
                {"smtpd_tls_security_level", "may"},
                {"smtpd_tls_received_header", "yes"},
                {"smtpd_tls_key_file", key.string()},
                {"smtpd_tls_cert_file", key.string() + ".crt"}};
    }

    void Deliver(const std::string& message) const {
        const OverheadCase& c = GetParam();
        if (c.encrypted) {
            const Finished sent =
                test::Run({"python3", "-c", kEncryptedSession, std::to_string(postfix_.Port()),
                           c.client, c.client, c.address, c.sender, c.recipient},
                          message);
            ASSERT_EQ(sent.status, 0) << sent.errors;
        } else {
            SmtpClient client(postfix_.Port());
            client.Xclient({{"NAME", c.client}, {"ADDR", c.address}});
            client.Ehlo(c.client);
            ASSERT_EQ(client.Mail(c.sender).code, 250);
            ASSERT_EQ(client.Rcpt(c.recipient).code, 250);
            ASSERT_EQ(client.Data(message).code, 250);
        }
        postfix_.WaitUntilIdle();
    }

    /// Removes the one file that was delivered, and returns its size.
    std::uint64_t DeliveredSize() const {
        std::uint64_t size = 0;
        for (const auto& file : fs::directory_iterator(postfix_.MailStore() / "box/new")) {
            EXPECT_EQ(size, 0u) << "one message at a time";
            size = file.file_size();
            fs::remove(file.path());
        }
        return size;
    }

    ScratchDirectory certificate_;
    PostfixInstance postfix_;
};

TEST_P(DeliveryOverheadTest, IsNoMoreThanWhatIsEstimated) {
    const OverheadCase& c = GetParam();
    protocol::PolicyRequest request;
    request.helo_name = c.client;
    request.client_name = c.client;
    request.client_address = c.address;
    request.sender = c.sender;
    if (c.encrypted) request.encryption_protocol = "TLSv1.3";
    recipients::Mailbox mailbox;
    mailbox.address = c.recipient;
    const std::uint64_t estimated =
        checks::EstimatedOverhead(request, c.recipient, {mailbox}, {kLongHost, false});

    std::uint64_t most = 0;
    for (const std::string& message :
         {std::string(
              "Subject: x\nMessage-Id: <1@a.example>\nDate: Thu, 1 Jan 2026 00:00:00 +0000\n"
              "From: joe@a.example\n\nx\n"),
          std::string("\n"), SampleMessage(20'000)}) {
        Deliver(message);
        const auto lines =
            static_cast<std::uint64_t>(std::count(message.begin(), message.end(), '\n'));
        const std::uint64_t told = message.size() + lines;
        const std::uint64_t stored = DeliveredSize();
        ASSERT_GT(stored, 0u);
        EXPECT_LE(stored, told + estimated);
        most = std::max(most, stored + lines - told);
        printf("%s: %lu bytes told, %lu stored, %lu estimated\n", c.name, told, stored,
               told + estimated);
    }
    EXPECT_GE(most + 200, estimated) << "and so not wasteful";
}

INSTANTIATE_TEST_SUITE_P(Virtual, DeliveryOverheadTest, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

/// Dovecot's LMTP server, with a mail store of its own.
class LmtpServer {
public:
    LmtpServer() {
        const std::string here = scratch_.Path();
        scratch_.Write("dovecot.conf",
                       "base_dir = " + here + "/run\nstate_dir = " + here +
                           "/run\nlog_path = " + here +
                           "/log\nssl = no\nprotocols = lmtp\nhostname = mx.lab.test\n"
                           "default_internal_user = root\ndefault_internal_group = root\n"
                           "default_login_user = root\nfirst_valid_uid = 1\nmail_uid = mail\n"
                           "mail_gid = mail\nmail_location = maildir:" +
                           MailStore().string() +
                           "/%d/%n:INDEX=MEMORY\nservice anvil {\n  chroot =\n}\n"
                           "userdb {\n  driver = static\n  args = uid=mail gid=mail home=" +
                           MailStore().string() +
                           "/%d/%n allow_all_users=yes\n}\n"
                           "passdb {\n  driver = static\n  args = password=x\n}\n"
                           "service lmtp {\n  unix_listener " +
                           Socket().string() + " {\n    mode = 0666\n  }\n}\n");
        fs::create_directory(scratch_ / "run");
        fs::create_directory(MailStore());
        fs::permissions(MailStore(), fs::perms::all);
        process_.emplace(
            std::vector<std::string>{"dovecot", "-F", "-c", (scratch_ / "dovecot.conf").string()},
            Process::Options{scratch_ / "output"});
        WaitUntil(
            "Dovecot's LMTP server", [this] { return CanConnect(Socket()); }, scratch_ / "log");
    }
    ~LmtpServer() {
        process_->Signal(SIGTERM);
        process_->Wait();
    }

    fs::path Socket() const { return scratch_ / "lmtp"; }
    fs::path MailStore() const { return scratch_ / "mail"; }

private:
    ScratchDirectory scratch_;
    std::optional<Process> process_;
};

TEST(DeliveryOverheadOfLmtpTest, IsNoMoreThanWhatIsEstimated) {
    const LmtpServer dovecot;
    const std::string recipient = "ann.with.a.name.of.some.length@lmtp.example";
    PostfixInstance postfix({{"myhostname", "mx.lab.test"},
                             {"virtual_mailbox_domains", "inline:{ { lmtp.example = x } }"},
                             {"virtual_mailbox_maps", "inline:{ { " + recipient + " = x } }"},
                             {"virtual_transport", "lmtp:unix:" + dovecot.Socket().string()},
                             {"smtpd_relay_restrictions", "reject_unauth_destination"}},
                            {"lmtp unix - - n - - lmtp"});
    SmtpClient client(postfix.Port());
    client.Xclient({{"NAME", kLongHost}, {"ADDR", "192.0.2.1"}});
    client.Ehlo(kLongHost);

    protocol::PolicyRequest request;
    request.helo_name = request.client_name = kLongHost;
    request.client_address = "192.0.2.1";
    request.sender = kVerpSender;
    recipients::Mailbox mailbox;
    mailbox.address = recipient;
    const fs::path maildir =
        dovecot.MailStore() / "lmtp.example/ann.with.a.name.of.some.length/new";
    // lmtp(8) breaks the second one's line.
    for (const std::string& text : {std::string("\n"), std::string(1'000'000, 'x') + '\n'}) {
        ASSERT_EQ(client.Mail(kVerpSender).code, 250);
        ASSERT_EQ(client.Rcpt(recipient).code, 250);
        ASSERT_EQ(client.Data(text).code, 250);
        postfix.WaitUntilIdle();
        request.size = text.size() + 1;  // CRLF
        const std::uint64_t estimated =
            checks::EstimatedOverhead(request, recipient, {mailbox}, {"mx.lab.test", true});
        std::uint64_t stored = 0;
        for (const auto& file : fs::directory_iterator(maildir)) {
            stored = file.file_size();
            fs::remove(file);
        }
        printf("LMTP: %lu bytes told, %lu stored, %lu estimated\n", request.size, stored,
               request.size + estimated);
        ASSERT_GT(stored, 0u);
        EXPECT_LE(stored, request.size + estimated);
        EXPECT_GE(stored + 300, request.size + estimated) << "and so not wasteful";
    }
}

}  // namespace
}  // namespace policyd::test
