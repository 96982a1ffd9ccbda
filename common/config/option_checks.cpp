#include "common/config/option_checks.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "common/async/endpoint.hpp"
#include "common/config/failure_action.hpp"
#include "common/config/values.hpp"
#include "common/mail/address_literal.hpp"
#include "common/mail/mailbox_layout.hpp"
#include "common/protocol/policy_action.hpp"
#include "common/text/ascii.hpp"

namespace policyd::config {
namespace {

/// Nothing for the word.
std::optional<std::uint64_t> ParseBytesOr(const std::string& word, const std::string& text) {
    if (text == word) return std::nullopt;
    try {
        return ParseBytes(text);
    } catch (const std::invalid_argument& expected) {
        throw std::invalid_argument(word + " or " + expected.what());
    }
}

constexpr std::string_view kRedis = "redis:";

void CheckEndpointOfRedis(const std::string& text) {
    try {
        CheckEndpoint(text.substr(kRedis.size()));
    } catch (const std::invalid_argument& expected) {
        throw std::invalid_argument("redis: and " + std::string(expected.what()) +
                                    ", as in redis:inet:127.0.0.1:6379");
    }
}

}  // namespace

void CheckEndpoint(const std::string& text) {
    async::ParseEndpoint(text);
}

void CheckEndpointOrNone(const std::string& text) {
    if (!text.empty()) CheckEndpoint(text);
}

void CheckUnixEndpointOrNone(const std::string& text) {
    if (text.empty()) return;
    if (async::ParseEndpoint(text).kind != async::Endpoint::Kind::kUnix)
        throw std::invalid_argument("unix:PATH");
}

void CheckLogDestination(const std::string& text) {
    const bool named = text == "stderr" || text == "syslog" || text == "journal";
    if (!named && !(text.starts_with("file:/")))
        throw std::invalid_argument("stderr, syslog, journal or file:/PATH");
}

void CheckFileMode(const std::string& text) {
    const bool octal =
        std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
    const bool three_digits = text.size() == 3 || (text.size() == 4 && text.front() == '0');
    if (!octal || !three_digits) throw std::invalid_argument("permissions in octal such as 0660");
}

void CheckAbsolutePath(const std::string& text) {
    if (!text.starts_with('/')) throw std::invalid_argument("a path that begins with /");
}

void CheckAbsolutePathOrNone(const std::string& text) {
    if (!text.empty()) CheckAbsolutePath(text);
}

void CheckAction(const std::string& text) {
    // Postfix would look for the action before the blanks.
    if (protocol::ValidatedRefusalOrDunno(text) != text)
        throw std::invalid_argument("an action without blanks around it");
}

void CheckTemporaryAction(const std::string& text) {
    CheckAction(text);
    const std::string word = text::ToLower(text.substr(0, text.find(' ')));
    const bool temporary =
        word == "dunno" || word == "defer" || word == "defer_if_permit" || word.starts_with('4');
    if (!temporary) throw std::invalid_argument("DUNNO, DEFER_IF_PERMIT, DEFER or 4NN with a text");
}

void CheckFailureAction(const std::string& text) {
    ParseFailureAction(text);
}

void CheckFailureActionOrNone(const std::string& text) {
    if (!text.empty()) ParseFailureAction(text);
}

void CheckIpAddress(const std::string& text) {
    if (mail::NormalizedIpAddress(mail::WithoutBrackets(text)).empty())
        throw std::invalid_argument("IP addresses");
}

void CheckMailboxLayout(const std::string& text) {
    mail::MailboxLayout{text};
    if (text.starts_with('.') || text.starts_with("lost+found/"))
        throw std::invalid_argument(
            "a layout whose first directory begins with no dot: at the top of a mail store such "
            "are left out");
}

void CheckUsageStore(const std::string& text) {
    if (text.starts_with("sqlite:/")) return;
    if (!text.starts_with(kRedis))
        throw std::invalid_argument("sqlite:/PATH, redis:unix:/PATH or redis:inet:HOST:PORT");
    CheckEndpointOfRedis(text);
}

void CheckRedisOrNone(const std::string& text) {
    if (text.empty()) return;
    if (!text.starts_with(kRedis))
        throw std::invalid_argument("redis:unix:/PATH or redis:inet:HOST:PORT");
    CheckEndpointOfRedis(text);
}

void CheckPercentage(const std::string& text) {
    const auto percent = text::ParseUnsigned(text);
    if (!percent || *percent < 1 || *percent > 100)
        throw std::invalid_argument("percentages from 1 to 100");
}

std::optional<std::uint64_t> ParseUndeclaredSize(const std::string& text) {
    return ParseBytesOr("average", text);
}

std::optional<std::uint64_t> ParseDeliveryOverhead(const std::string& text) {
    return ParseBytesOr("estimate", text);
}

void CheckDeliveryOverhead(const std::string& text) {
    ParseDeliveryOverhead(text);
}

void CheckUndeclaredSize(const std::string& text) {
    ParseUndeclaredSize(text);
}

void CheckFolderPattern(const std::string& text) {
    if (text.empty() || text.front() == '.')
        throw std::invalid_argument("the name of a folder without the leading dot, such as Trash");
}

void CheckSecretFile(const std::string& text) {
    if (text.empty()) return;
    struct stat status {};
    if (stat(text.c_str(), &status) != 0)
        throw std::invalid_argument(std::string("a file (") + std::strerror(errno) + ")");
    if (!S_ISREG(status.st_mode) || (status.st_mode & S_IRWXO) != 0)
        throw std::invalid_argument("a file that others may not read (chmod 640)");
}

}  // namespace policyd::config
