#include "common/mysql/open_connection.hpp"

#include <cppconn/connection.h>
#include <cppconn/driver.h>
#include <cppconn/resultset.h>
#include <cppconn/statement.h>
#include <mysql_driver.h>

#include <string>

#include "common/mysql/error.hpp"

namespace policyd::mysql {

namespace {

std::string Address(const Server& server) {
    // Without a path it is the socket that the library is built with. Of "localhost" the connector
    // makes TCP, unlike the library and so Postfix (mysql_table(5)).
    if (server.host.empty()) return "unix://" + server.socket;
    const bool is_ipv6 = server.host.find(':') != std::string::npos;
    return "tcp://" + (is_ipv6 ? "[" + server.host + "]" : server.host) + ":" +
           std::to_string(server.port == 0 ? 3306 : server.port);
}

/// The library counts time limits in seconds. Above the limit, so that a server that lives is the
/// first to give up on a slow query, and the connection survives.
int WholeSeconds(std::chrono::milliseconds limit) {
    return static_cast<int>(std::chrono::floor<std::chrono::seconds>(limit).count()) + 1;
}

void SetUnlessEmpty(sql::ConnectOptionsMap& options, const char* name, const std::string& value) {
    if (!value.empty()) options[name] = sql::SQLString(value);
}

sql::ConnectOptionsMap OptionsFor(const Account& account, const Server& server) {
    sql::ConnectOptionsMap options;
    options["hostName"] = sql::SQLString(Address(server));
    options["userName"] = sql::SQLString(account.user);
    options["password"] = sql::SQLString(account.password);
    options["schema"] = sql::SQLString(account.database);
    options["OPT_CHARSET_NAME"] = sql::SQLString(account.charset);
    options["characterSetResults"] = sql::SQLString(account.charset);
    for (const char* limit : {"OPT_CONNECT_TIMEOUT", "OPT_READ_TIMEOUT", "OPT_WRITE_TIMEOUT"})
        options[limit] = WholeSeconds(account.time_limit);
    SetUnlessEmpty(options, "readDefaultFile", account.option_file);
    SetUnlessEmpty(options, "readDefaultGroup", account.option_group);
    SetUnlessEmpty(options, "sslKey", account.tls.key_file);
    SetUnlessEmpty(options, "sslCert", account.tls.cert_file);
    SetUnlessEmpty(options, "sslCA", account.tls.ca_file);
    SetUnlessEmpty(options, "sslCAPath", account.tls.ca_path);
    SetUnlessEmpty(options, "sslCipher", account.tls.ciphers);
    if (account.tls.IsUsed()) {
        options["sslEnforce"] = true;
        options["sslVerify"] = account.tls.verify_cert;
    }
    return options;
}

sql::mysql::MySQL_Driver& Driver() {
    // Of our own, and for ever: the library's is destroyed by exit(3), while threads may still end.
    static auto* const driver = new sql::mysql::MySQL_Driver;
    return *driver;
}

/// The library goes on in the clear where a server offers no encryption, whatever it was told.
void RequireEncryption(sql::Connection& connection) {
    const std::unique_ptr<sql::Statement> statement(connection.createStatement());
    const std::unique_ptr<sql::ResultSet> cipher(
        statement->executeQuery("SHOW SESSION STATUS LIKE 'Ssl_cipher'"));
    if (!cipher->next() || cipher->getString(2).asStdString().empty())
        throw Error("the server does not encrypt, and the tls_ options ask for it",
                    Error::kCannotConnect);
}

}  // namespace

void BeginThread() {
    Driver().threadInit();
}

void EndThread() {
    Driver().threadEnd();
}

std::unique_ptr<sql::Connection> OpenConnection(const Account& account, const Server& server) {
    sql::ConnectOptionsMap options = OptionsFor(account, server);
    std::unique_ptr<sql::Connection> connection(Driver().connect(options));
    if (account.tls.IsUsed()) RequireEncryption(*connection);
    return connection;
}

std::string LimitOfStatementTime(std::chrono::milliseconds limit) {
    const std::string milliseconds = std::to_string(limit.count());
    return "SET autocommit = 1 /*M!100101 , max_statement_time = " +
           std::to_string(static_cast<double>(limit.count()) / 1000) +
           " */ /*!50708 , max_execution_time = " + milliseconds + " */";
}

}  // namespace policyd::mysql
