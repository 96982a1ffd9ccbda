#include "policyd/checks/message_sizes.hpp"

#include <utility>

#include "policyd/checks/saturating.hpp"

namespace policyd::checks {

namespace {

using protocol::PolicyRequest;
using protocol::Stage;

constexpr std::chrono::milliseconds kNoTime{0};

/// Whether Postfix was told no size, and tells none.
bool IsUndeclared(const PolicyRequest& request) {
    return request.stage == Stage::kRcpt && request.size == 0;
}

}  // namespace

MessageSizes::MessageSizes(usage::UsageStore& usage, SiteAverage& average, SizeRules rules,
                           SiteAverage::Clock clock)
    : rules_(std::move(rules)),
      average_(average),
      clock_(clock),
      first_(
          1, kNoTime, clock, [](std::uint64_t) { return kNoTime; },
          [&usage, &average, clock](const std::string&) { return average.Ask(usage, clock); }) {}

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
    return average_.Known(clock_());
}

async::Task<StoredSize> MessageSizes::Of(const PolicyRequest& request,
                                         const TrackedRecipient& recipient) {
    std::optional<std::uint64_t> bytes =
        AtHand(request, recipient.recipient, recipient.resolution->mailboxes);
    if (!bytes) {
        const auto first = co_await first_.Get("");
        bytes = *first;
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
