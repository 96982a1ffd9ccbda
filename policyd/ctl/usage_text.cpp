#include "policyd/ctl/usage_text.hpp"

#include <ctime>

#include "common/text/utf8.hpp"

namespace policyd::ctl {
namespace {

std::string MeasuredAt(const usage::Usage& usage) {
    if (!usage.measured_at) return "never";
    const std::time_t seconds = std::chrono::system_clock::to_time_t(*usage.measured_at);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char text[32];
    const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return std::string(text, length);
}

/// "limit 1000 bytes and 5 messages", of the two that are not 0.
std::string LimitText(std::uint64_t bytes, std::uint64_t messages) {
    std::string text = "limit ";
    if (bytes != 0) text += std::to_string(bytes) + " bytes";
    if (bytes != 0 && messages != 0) text += " and ";
    if (messages != 0) text += std::to_string(messages) + " messages";
    return text;
}

bool HasDomainLimit(const recipients::Mailbox& mailbox) {
    return mailbox.domain_quota_bytes != 0 || mailbox.domain_quota_messages != 0;
}

std::string Quota(const recipients::Mailbox& mailbox) {
    if (mailbox.quota_bytes != 0 || mailbox.quota_messages != 0)
        return LimitText(mailbox.quota_bytes, mailbox.quota_messages);
    return HasDomainLimit(mailbox) ? "no limit of its own" : "no limit";
}

/// " (30%)", of a mailbox that has a limit.
std::string Share(const recipients::Mailbox& mailbox, const usage::Usage& usage) {
    if (mailbox.quota_bytes == 0) return "";
    const double used =
        static_cast<double>(usage.bytes) + static_cast<double>(usage.reserved_bytes);
    const double share = 100 * used / static_cast<double>(mailbox.quota_bytes);
    return " (" + std::to_string(static_cast<long long>(share)) + "% with what is reserved)";
}

/// `share` says what part of a limit that is.
std::string UsageText(const usage::Usage& usage, const std::string& share) {
    return std::to_string(usage.bytes) + " bytes in " + std::to_string(usage.messages) +
           " messages" + share + ", " + std::to_string(usage.reserved_bytes) + " bytes reserved";
}

}  // namespace

std::string ExplainRoom(const recipients::Mailbox& mailbox,
                        const std::optional<usage::Usage>& usage) {
    std::string text = "  mailbox " + text::EscapedForLog(mailbox.name) + ": ";
    if (mailbox.copies > 1) text += std::to_string(mailbox.copies) + " copies, ";
    text += Quota(mailbox);
    if (!usage) return text + ", nothing known of its usage";
    return text + ", " + UsageText(*usage, Share(mailbox, *usage)) + ", measured " +
           MeasuredAt(*usage);
}

std::string ExplainDomainRoom(const recipients::Mailbox& mailbox,
                              const std::optional<usage::Usage>& usage) {
    if (!HasDomainLimit(mailbox)) return "";
    std::string text = "  all mailboxes of " + text::EscapedForLog(usage::DomainOf(mailbox.name)) +
                       ": " + LimitText(mailbox.domain_quota_bytes, mailbox.domain_quota_messages) +
                       ", ";
    return text + (usage ? UsageText(*usage, "") : "nothing known of their usage") + '\n';
}

std::string UsageHeading() {
    return "mailbox\tbytes\tmessages\treserved bytes\treserved messages\tmeasured";
}

std::string UsageLine(const std::string& mailbox, const usage::Usage& usage) {
    return text::EscapedForLog(mailbox) + '\t' + std::to_string(usage.bytes) + '\t' +
           std::to_string(usage.messages) + '\t' + std::to_string(usage.reserved_bytes) + '\t' +
           std::to_string(usage.reserved_messages) + '\t' + MeasuredAt(usage);
}

}  // namespace policyd::ctl
