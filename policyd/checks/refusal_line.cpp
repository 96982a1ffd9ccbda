#include "policyd/checks/refusal_line.hpp"

#include <spdlog/fmt/fmt.h>

#include "common/text/utf8.hpp"

namespace policyd::checks {

namespace {

constexpr std::size_t kMostNamed = 10;

std::string Named(const std::vector<std::string>& mailboxes) {
    std::string names;
    for (std::size_t i = 0; i < mailboxes.size() && i < kMostNamed; ++i) {
        if (i > 0) names += ", ";
        names += text::EscapedForLog(mailboxes[i]);
    }
    if (mailboxes.size() > kMostNamed)
        names += fmt::format(" and {} others", mailboxes.size() - kMostNamed);
    return names;
}

}  // namespace

std::string RefusalLine(const protocol::PolicyRequest& request, const Verdict& verdict,
                        const std::vector<std::string>& full) {
    std::string line = "no room: ";
    line += protocol::StageName(request.stage);
    if (!request.queue_id.empty())
        line += fmt::format(" of {}", text::EscapedForLog(request.queue_id));
    if (!request.recipient.empty())
        line += fmt::format(" for {}", text::EscapedForLog(request.recipient));
    return line + fmt::format(" in {}: {} ({})", Named(full), verdict.action, verdict.reason);
}

}  // namespace policyd::checks
