#include "policyd/ctl/usage_text.hpp"

#include <ctime>

#include "common/text/unicode.hpp"

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

std::string Quota(const recipients::Mailbox& mailbox) {
    if (mailbox.quota_bytes == 0) return "no limit";
    return "limit " + std::to_string(mailbox.quota_bytes) + " bytes";
}

/// " (30%)", of a mailbox that has a limit.
std::string Share(const recipients::Mailbox& mailbox, const usage::Usage& usage) {
    if (mailbox.quota_bytes == 0) return "";
    const double used =
        static_cast<double>(usage.bytes) + static_cast<double>(usage.reserved_bytes);
    const double share = 100 * used / static_cast<double>(mailbox.quota_bytes);
    return " (" + std::to_string(static_cast<long long>(share)) + "% with what is reserved)";
}

}  // namespace

std::string ExplainRoom(const recipients::Mailbox& mailbox,
                        const std::optional<usage::Usage>& usage) {
    std::string text = "  mailbox " + text::EscapedForLog(mailbox.name) + ": ";
    if (mailbox.copies > 1) text += std::to_string(mailbox.copies) + " copies, ";
    text += Quota(mailbox);
    if (!usage) return text + ", nothing known of its usage";
    return text + ", " + std::to_string(usage->bytes) + " bytes in " +
           std::to_string(usage->messages) + " messages" + Share(mailbox, *usage) + ", " +
           std::to_string(usage->reserved_bytes) + " bytes reserved, measured " +
           MeasuredAt(*usage);
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
