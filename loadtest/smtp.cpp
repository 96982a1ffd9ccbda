#include "loadtest/smtp.hpp"

#include "loadtest/server_connection.hpp"
#include "loadtest/smtp_client.hpp"

namespace policyd::loadtest {

namespace {

std::unique_ptr<Client> NewSmtpClient(const Setting& setting, std::uint64_t seed) {
    return std::make_unique<SmtpClient>(setting, setting.server, Random(seed));
}

}  // namespace

const Scenario kSmtp{
    "smtp",          "messages delivered in real SMTP sessions to the Postfix at --smtp",
    &ArrivalsAtRate, &NewSmtpClient,
    &Options::smtp,
};

}  // namespace policyd::loadtest
