#include "policyd/checks/message_sizes.hpp"

#include <utility>

#include "policyd/checks/saturating.hpp"

namespace policyd::checks {

namespace {

using protocol::PolicyRequest;
using protocol::Stage;

/// How long the average size of the site's messages is taken to stay what it is.
constexpr std::chrono::minutes kAverageTime{10};

/// Whether Postfix was told no size, and tells none.
bool IsUndeclared(const PolicyRequest& request) {
    return request.stage == Stage::kRcpt && request.size == 0;
}

async::Task<std::uint64_t> AverageSize(usage::UsageStore& usage) {
    const usage::Usage site = co_await usage.FindSite();
    co_return site.messages == 0 ? 0 : site.bytes / site.messages;
}

}  // namespace

MessageSizes::MessageSizes(usage::UsageStore& usage, SizeRules rules,
                           std::chrono::milliseconds stale_time, Averages::Clock clock)
    : rules_(std::move(rules)),
      average_(
          1, stale_time, std::move(clock), [](std::uint64_t) { return kAverageTime; },
          [&usage](const std::string&) { return AverageSize(usage); }) {}

std::uint64_t MessageSizes::OverheadOf(const PolicyRequest& request, std::string_view recipient,
                                       const std::vector<recipients::Mailbox>& mailboxes) const {
    if (rules_.delivery_overhead) return *rules_.delivery_overhead;
    return EstimatedOverhead(request, recipient, mailboxes, rules_.delivery);
}

std::optional<std::uint64_t> MessageSizes::AtHand(
    const PolicyRequest& request, std::string_view recipient,
    const std::vector<recipients::Mailbox>& mailboxes) {
    if (!IsUndeclared(request)) return Sum(request.size, OverheadOf(request, recipient, mailboxes));
    if (rules_.undeclared_size)
        return Sum(*rules_.undeclared_size, OverheadOf(request, recipient, mailboxes));
    // What is measured has been delivered.
    const std::uint64_t* const average = average_.AtHand("");
    return average != nullptr ? std::optional(*average) : std::nullopt;
}

async::Task<StoredSize> MessageSizes::Of(const PolicyRequest& request,
                                         const TrackedRecipient& recipient) {
    std::optional<std::uint64_t> bytes =
        AtHand(request, recipient.recipient, recipient.resolution->mailboxes);
    if (!bytes) {
        const auto average = co_await average_.Get("");
        bytes = *average;
    }
    co_return StoredSize{*bytes, IsUndeclared(request) ? 0 : *bytes};
}

std::uint64_t MessageSizes::AsTold(const PolicyRequest& request,
                                   const TrackedRecipient& recipient) const {
    return Sum(request.size, OverheadOf(request, recipient));
}

std::uint64_t MessageSizes::WithoutAverage(const PolicyRequest& request,
                                           const TrackedRecipient& recipient) const {
    const std::uint64_t assumed = IsUndeclared(request) ? rules_.undeclared_size.value_or(0) : 0;
    return Sum(Sum(request.size, assumed), OverheadOf(request, recipient));
}

}  // namespace policyd::checks
