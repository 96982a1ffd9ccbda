#include "policyd/checks/quota_warnings.hpp"

#include <algorithm>
#include <utility>

#include "common/log/logging.hpp"
#include "common/outage/unavailable.hpp"
#include "common/text/unicode.hpp"

namespace policyd::checks {

namespace {

constexpr std::size_t kAtOnce = 500;

/// Whether `bytes` are `percent` of `limit`, or more.
bool Reaches(std::uint64_t bytes, std::uint64_t limit, std::uint64_t percent) {
    __extension__ typedef unsigned __int128 Wide;
    return Wide{bytes} * 100 >= Wide{limit} * percent;
}

/// What is crossed on the way from one level to another.
Warning Crossing(const WarningRules& rules, std::uint64_t from, std::uint64_t to) {
    Warning warning;
    warning.is_over = to > from;
    warning.percent = to;
    if (warning.is_over) return warning;
    const auto lowest = std::upper_bound(rules.percents.begin(), rules.percents.end(), to);
    warning.percent = lowest == rules.percents.end() ? from : std::min(*lowest, from);
    return warning;
}

}  // namespace

std::uint64_t LevelAfter(const WarningRules& rules, std::uint64_t bytes, std::uint64_t limit,
                         std::uint64_t level) {
    std::uint64_t after = 0;
    if (limit == 0) return after;
    for (const std::uint64_t percent : rules.percents) {
        const bool was_over = percent <= level;
        const std::uint64_t least =
            was_over ? percent - std::min(percent, rules.hysteresis) : percent;
        if (Reaches(bytes, limit, least)) after = percent;
    }
    return after;
}

QuotaWarnings::QuotaWarnings(usage::UsageStore& usage, recipients::RecipientResolver& resolver,
                             WarningRules rules, Tell tell)
    : usage_(usage), resolver_(resolver), rules_(std::move(rules)), tell_(std::move(tell)) {}

async::Task<void> QuotaWarnings::LookAt(const Mailboxes& mailboxes,
                                        const usage::Reservation& reservation,
                                        const usage::Reserved& reserved) {
    if (rules_.percents.empty()) co_return;
    for (std::size_t i = 0; i < reservation.limits.size(); ++i) {
        const usage::Limit& limit = reservation.limits[i];
        const auto mailbox = std::find_if(
            mailboxes.begin(), mailboxes.end(),
            [&limit](const auto& candidate) { return candidate.name == limit.mailbox; });
        if (mailbox == mailboxes.end() || mailbox->quota_bytes == 0) continue;
        // What is in it lies between these two: only where they differ is it worth to ask.
        const usage::Usage& usage = reserved.usage[i];
        const std::uint64_t most = usage.bytes + usage.reserved_bytes +
                                   (reserved.IsGranted() ? reservation.bytes * limit.copies : 0);
        const std::uint64_t level = reserved.warned[i].value_or(0);
        const auto stays = [&](std::uint64_t bytes) {
            return LevelAfter(rules_, bytes, mailbox->quota_bytes, level) == level;
        };
        if (stays(usage.bytes) && stays(most)) continue;
        try {
            co_await LookAt(mailbox->name, mailbox->quota_bytes);
        } catch (const outage::Unavailable& unavailable) {
            log::Debug("quota warning: {} not looked at: {}", text::EscapedForLog(mailbox->name),
                       unavailable.what());
        }
    }
}

async::Task<void> QuotaWarnings::LookAt(std::string_view mailbox, std::uint64_t limit) {
    const std::optional<usage::Filling> filling = co_await usage_.FindFilling(mailbox);
    if (!filling) co_return;
    const std::uint64_t level = filling->warned.value_or(0);
    const std::uint64_t after =
        limit == 0 ? level : LevelAfter(rules_, filling->bytes, limit, level);
    if (after == level && filling->warned) co_return;
    const bool is_ours = co_await usage_.NoteWarned(mailbox, filling->warned, after);
    if (!is_ours || after == level) co_return;
    Warning warning = Crossing(rules_, level, after);
    warning.mailbox = mailbox;
    warning.bytes = filling->bytes;
    warning.limit = limit;
    Announce(warning);
}

void QuotaWarnings::Announce(const Warning& warning) const {
    (warning.is_over ? over_ : below_).Add();
    log::Info("quota warning: {} is {} {}%: {} of {} bytes", text::EscapedForLog(warning.mailbox),
              warning.is_over ? "over" : "below", warning.percent, warning.bytes, warning.limit);
    tell_(warning);
}

async::Task<void> QuotaWarnings::LookAtChanged() {
    if (rules_.percents.empty() || std::exchange(is_looking_, true)) co_return;
    try {
        if (changed_.size() < kAtOnce) {
            const auto more = co_await usage_.TakeChanged(kAtOnce - changed_.size());
            changed_.insert(changed_.end(), more.begin(), more.end());
        }
        while (!changed_.empty()) {
            const recipients::Mailbox limits = co_await resolver_.LimitsOf(changed_.back());
            co_await LookAt(changed_.back(), limits.quota_bytes);
            changed_.pop_back();
        }
    } catch (const outage::Unavailable& unavailable) {
        log::Debug("quota warning: {} mailboxes not looked at yet: {}", changed_.size(),
                   unavailable.what());
        // The others come first then, in case it is about this one alone.
        if (!changed_.empty())
            std::rotate(changed_.begin(), std::prev(changed_.end()), changed_.end());
    }
    is_looking_ = false;
}

}  // namespace policyd::checks
