// Encryption to MySQL, as mysql_table(5) asks for it: never less than was asked for.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/async/event_loop.hpp"
#include "common/tables/table_registry.hpp"
#include "tests/support/mariadb_server.hpp"
#include "tests/support/own_hosts.hpp"
#include "tests/support/silent_server.hpp"

namespace policyd::tables {
namespace {

using testing::HasSubstr;

/// An authority, and the certificate that it gave to 127.0.0.1.
class Authority {
public:
    Authority() {
        OpenSsl({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                 "/CN=Test authority", "-keyout", File("ca.key"), "-out", File("ca.pem")});
        OpenSsl({"req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout",
                 File("server.key"), "-out", File("server.csr")});
        scratch_.Write("san", "subjectAltName=IP:127.0.0.1\n");
        OpenSsl({"x509", "-req", "-in", File("server.csr"), "-CA", File("ca.pem"), "-CAkey",
                 File("ca.key"), "-CAcreateserial", "-days", "2", "-extfile", File("san"), "-out",
                 File("server.pem")});
    }

    std::string File(const char* name) const { return (scratch_ / name).string(); }

private:
    static void OpenSsl(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "openssl");
        const test::Finished done = test::Run(std::move(arguments));
        if (done.status != 0) throw std::runtime_error("openssl: " + done.errors);
    }

    const test::ScratchDirectory scratch_;
};

class MysqlTlsTest : public testing::Test {
protected:
    /// What a table says that asks for encryption with these options.
    std::string Answer(test::MariaDbServer& server, const std::string& options,
                       const std::string& host = "127.0.0.1") {
        server.Execute("CREATE OR REPLACE USER tls@127.0.0.1");
        const auto file = scratch_.Write(
            "table.cf", "hosts = inet:" + host + ":" + std::to_string(server.Port()) +
                            "\nuser = tls\ndbname = information_schema\nquery = SELECT "
                            "VARIABLE_VALUE FROM SESSION_STATUS WHERE VARIABLE_NAME='Ssl_cipher' "
                            "AND '%s' = 'a'\n" +
                            options);
        TableSettings settings;
        settings.warn = [](const std::string&) {};
        TableRegistry tables(loop_, settings);
        try {
            return loop_.RunUntilDone(tables.Open("mysql:" + file.string()).Find("a")).value_or("");
        } catch (const outage::TableUnavailable& unavailable) {
            return unavailable.what();
        }
    }

    std::string Trusting(const Authority& authority) const {
        return "tls_CAfile = " + authority.File("ca.pem") + "\n";
    }

    async::EventLoop loop_;
    const test::ScratchDirectory scratch_;
    const Authority authority_;
};

TEST_F(MysqlTlsTest, AServerThatDoesNotEncryptIsOfNoUseWhereThatIsAskedFor) {
    test::MariaDbServer server({"--skip-ssl"});
    EXPECT_EQ(Answer(server, ""), "");
    EXPECT_THAT(Answer(server, Trusting(authority_)), HasSubstr("encrypt"));
    EXPECT_THAT(Answer(server, Trusting(authority_) + "tls_verify_cert = yes\n"),
                HasSubstr("table.cf: mysql: "));
}

TEST_F(MysqlTlsTest, AServerThatEncryptsIsAskedInPrivateAndVerifiedWhereThatIsAskedFor) {
    const Authority other;
    test::MariaDbServer server({"--ssl-cert=" + authority_.File("server.pem"),
                                "--ssl-key=" + authority_.File("server.key"),
                                "--ssl-ca=" + authority_.File("ca.pem")});
    constexpr const char* kVerify = "tls_verify_cert = yes\n";
    EXPECT_THAT(Answer(server, Trusting(authority_)), HasSubstr("TLS_"));
    EXPECT_THAT(Answer(server, Trusting(authority_) + kVerify), HasSubstr("TLS_"));
    EXPECT_THAT(Answer(server, Trusting(other) + kVerify), HasSubstr("table.cf: mysql: "));
}

TEST_F(MysqlTlsTest, TheCertificateIsToBearTheNameAlsoWhereAnAddressOfItIsSilent) {
    test::MariaDbServer server({"--ssl-cert=" + authority_.File("server.pem"),
                                "--ssl-key=" + authority_.File("server.key"),
                                "--ssl-ca=" + authority_.File("ca.pem")});
    const test::SilentServer silent(server.Port());
    const auto ask = [&] {
        EXPECT_THAT(Answer(server, Trusting(authority_), "two.test"), HasSubstr("TLS_"));
        EXPECT_THAT(Answer(server, Trusting(authority_) + "tls_verify_cert = yes\n", "two.test"),
                    HasSubstr("table.cf: "));
    };
    if (!test::RunWithHosts("::1 two.test\n127.0.0.1 two.test\n", ask))
        GTEST_SKIP() << "no mounts here";
}

}  // namespace
}  // namespace policyd::tables
