#include "policyd/checks/quota_warnings.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "common/async/when_all.hpp"
#include "common/log/logging.hpp"
#include "common/outage/unavailable.hpp"
#include "common/text/fold_case.hpp"
#include "common/text/utf8.hpp"

namespace policyd::checks {

namespace {

constexpr std::size_t kAtOnce = 500;
/// Mailboxes in one round that their tables do not answer about: then it is perhaps about none of
/// them alone.
constexpr std::size_t kMostFailures = 10;

__extension__ typedef unsigned __int128 Wide;

/// Whether `amount` is `percent` of `limit`, or more.
bool Reaches(std::uint64_t amount, std::uint64_t limit, std::uint64_t percent) {
    return Wide{amount} * 100 >= Wide{limit} * percent;
}

/// What is crossed on the way from one level to another.
Warning WarningOf(const WarningRules& rules, std::uint64_t from, std::uint64_t to) {
    Warning warning;
    warning.level_before = from;
    warning.is_over = to > from;
    warning.percent = to;
    if (warning.is_over) return warning;
    const auto lowest = std::upper_bound(rules.percents.begin(), rules.percents.end(), to);
    warning.percent = lowest == rules.percents.end() ? from : std::min(*lowest, from);
    return warning;
}

/// Tells of the limit of which more is used.
void DescribeUsage(const Contents& held, const Contents& limit, Warning& warning) {
    const bool is_of_messages =
        limit.messages != 0 &&
        (limit.bytes == 0 || Wide{held.messages} * limit.bytes > Wide{held.bytes} * limit.messages);
    warning.usage = is_of_messages ? held.messages : held.bytes;
    warning.limit = is_of_messages ? limit.messages : limit.bytes;
    warning.unit = is_of_messages ? "messages" : "bytes";
}

/// A mailbox that was over `percent` has left it below this.
std::uint64_t LeftBelow(const WarningRules& rules, std::uint64_t percent) {
    return percent - std::min(percent / 2, rules.hysteresis);
}

std::uint64_t LevelAfter(const WarningRules& rules, std::uint64_t amount, std::uint64_t limit,
                         std::uint64_t level) {
    std::uint64_t after = 0;
    if (limit == 0) return after;
    for (const std::uint64_t percent : rules.percents) {
        const bool was_over = percent <= level;
        const std::uint64_t least = was_over ? LeftBelow(rules, percent) : percent;
        if (Reaches(amount, limit, least)) after = percent;
    }
    return after;
}

/// Whether it has not left `level`, which may be none of today's percentages.
bool IsStillOver(const WarningRules& rules, const Contents& held, const Contents& limit,
                 std::uint64_t level) {
    const std::uint64_t least = LeftBelow(rules, level);
    return (limit.bytes != 0 && Reaches(held.bytes, limit.bytes, least)) ||
           (limit.messages != 0 && Reaches(held.messages, limit.messages, least));
}

Contents LimitsOf(const recipients::Mailbox& mailbox) {
    return {mailbox.quota_bytes, mailbox.quota_messages};
}

}  // namespace

std::uint64_t LevelAfter(const WarningRules& rules, const Contents& held, const Contents& limit,
                         std::uint64_t level) {
    return std::max(LevelAfter(rules, held.bytes, limit.bytes, level),
                    LevelAfter(rules, held.messages, limit.messages, level));
}

QuotaWarnings::QuotaWarnings(usage::UsageStore& usage, recipients::RecipientResolver& resolver,
                             ChangedMailboxes& changed, WarningRules rules, Tell tell)
    : usage_(usage),
      resolver_(resolver),
      changed_(changed),
      rules_(std::move(rules)),
      tell_(std::move(tell)) {}

/// The mailbox of a limit, if it may have crossed a percentage.
const recipients::Mailbox* QuotaWarnings::Crossing(const Mailboxes& mailboxes,
                                                   const usage::Reservation& reservation,
                                                   const usage::Reserved& reserved,
                                                   std::size_t place) const {
    if (rules_.percents.empty()) return nullptr;
    const usage::Limit& limit = reservation.limits[place];
    const auto mailbox =
        std::find_if(mailboxes.begin(), mailboxes.end(),
                     [&limit](const auto& candidate) { return candidate.name == limit.mailbox; });
    if (mailbox == mailboxes.end()) return nullptr;
    const Contents most = LimitsOf(*mailbox);
    if (most.bytes == 0 && most.messages == 0) return nullptr;
    // What is in it lies between these two: only where they differ is it worth to ask.
    const usage::Usage& usage = reserved.usage[place];
    const std::uint64_t copies = reserved.IsGranted() ? limit.copies : 0;
    const Contents upper{usage.bytes + usage.reserved_bytes + reservation.bytes * copies,
                         usage.messages + usage.reserved_messages + copies};
    const std::uint64_t level = reserved.warned[place].value_or(0);
    const auto stays = [&](const Contents& held) {
        return LevelAfter(rules_, held, most, level) == level;
    };
    return stays({usage.bytes, usage.messages}) && stays(upper) ? nullptr : &*mailbox;
}

bool QuotaWarnings::MayBeCrossed(const Mailboxes& mailboxes, const usage::Reservation& reservation,
                                 const usage::Reserved& reserved) const {
    for (std::size_t i = 0; i < reservation.limits.size(); ++i)
        if (Crossing(mailboxes, reservation, reserved, i) != nullptr) return true;
    return false;
}

async::Task<void> QuotaWarnings::LookAt(const Mailboxes& mailboxes,
                                        const usage::Reservation& reservation,
                                        const usage::Reserved& reserved) {
    for (std::size_t i = 0; i < reservation.limits.size(); ++i) {
        const recipients::Mailbox* const mailbox = Crossing(mailboxes, reservation, reserved, i);
        if (mailbox == nullptr) continue;
        // One that several addresses lead to has the limit of the one that it is named by, as a
        // scan sees it, and not by turns that of each. The tables tell it, and mail waits for none.
        if (text::FoldCase(mailbox->name) != mailbox->address) {
            changed_.Add(std::string(mailbox->name), LimitsOf(*mailbox));
            continue;
        }
        try {
            co_await LookAt(mailbox->name, LimitsOf(*mailbox));
        } catch (const outage::Unavailable& unavailable) {
            log::Debug("quota warning: {} not looked at: {}", text::EscapedForLog(mailbox->name),
                       unavailable.what());
        }
    }
}

void QuotaWarnings::LookLater(const Mailboxes& mailboxes, const usage::Reservation& reservation,
                              const usage::Reserved& reserved) {
    usage::Reserved measured = reserved;
    for (usage::Usage& usage : measured.usage) usage.reserved_bytes = usage.reserved_messages = 0;
    for (std::size_t i = 0; i < reservation.limits.size(); ++i)
        if (const auto* const mailbox = Crossing(mailboxes, reservation, measured, i))
            changed_.Add(std::string(mailbox->name), LimitsOf(*mailbox));
}

async::Task<void> QuotaWarnings::LookAt(std::string_view mailbox, Contents limit) {
    const std::optional<usage::Filling> filling = co_await usage_.FindFilling(mailbox);
    if (!filling) co_return;
    const std::uint64_t level = filling->warned.value_or(0);
    const Contents held{filling->bytes, filling->messages};
    const Contents most{filling->most_bytes, filling->most_messages};
    const bool has_limit = limit.bytes != 0 || limit.messages != 0;
    std::uint64_t after = has_limit ? LevelAfter(rules_, held, limit, level) : level;
    // What is on its way may be what it was warned of.
    if (after < level)
        after = std::max(after, std::min(level, LevelAfter(rules_, most, limit, level)));
    if (after == level && filling->warned) co_return;
    const bool is_ours = co_await usage_.NoteWarned(mailbox, filling->warned, after);
    if (!is_ours || after == level) co_return;
    // Where the percentages have changed, what it was over is perhaps none any more.
    if (after < level && IsStillOver(rules_, held, limit, level)) co_return;
    Warning warning = WarningOf(rules_, level, after);
    warning.mailbox = mailbox;
    DescribeUsage(held, limit, warning);
    Announce(warning);
}

void QuotaWarnings::Announce(const Warning& warning) const {
    (warning.is_over ? over_ : below_).Add();
    log::Info("quota warning: {} is {} {}%: {} of {} {}", text::EscapedForLog(warning.mailbox),
              warning.is_over ? "over" : "below", warning.percent, warning.usage, warning.limit,
              warning.unit);
    tell_(warning);
}

async::Task<void> QuotaWarnings::LookAtChanged() {
    if (rules_.percents.empty() || has_ended_ || std::exchange(is_looking_, true)) co_return;
    // Each of those that were set aside is tried once, after all others.
    std::size_t again = changed_.SizeAside();
    std::size_t failures = 0;
    std::size_t told = 0;
    std::optional<std::string> mailbox;
    try {
        // Most of what nobody can be told of yet stays in the store, which outlives this program.
        const std::size_t most = tables_seem_down_ ? kMostFailures : kAtOnce;
        if (const std::size_t waiting = changed_.Size(); waiting < most) {
            const auto more = co_await usage_.TakeChanged(most - waiting);
            changed_.Add(more);
        }
        while (failures < kMostFailures && !has_ended_) {
            mailbox = changed_.Take();
            if (!mailbox && again > 0) {
                --again;
                mailbox = changed_.TakeAside();
            }
            if (!mailbox) break;
            const bool was_told = co_await LookAtChanged(*mailbox);
            ++(was_told ? told : failures);
        }
        mailbox.reset();
        tables_seem_down_ = failures > 0 && told == 0;
    } catch (const outage::Unavailable& unavailable) {
        log::Debug("quota warning: mailboxes not looked at yet: {}", unavailable.what());
    } catch (const std::exception& error) {
        log::Error("failure: quota warning: {}", error.what());
    }
    if (mailbox) changed_.Add({*mailbox});
    is_looking_ = false;
}

async::Task<std::size_t> QuotaWarnings::TakeBack(std::vector<Warning> untold) {
    std::vector<async::Task<bool>> attempts;
    for (const Warning& warning : untold) attempts.push_back(TakeBack(warning));
    const std::vector<bool> are_back = co_await async::WhenAll(std::move(attempts));
    std::vector<std::string> mailboxes;
    for (std::size_t i = 0; i < untold.size(); ++i)
        if (are_back[i]) mailboxes.push_back(untold[i].mailbox);
    try {
        co_await usage_.GiveBackChanged(mailboxes);
    } catch (const outage::Unavailable&) {
        co_return untold.size();
    }
    co_return untold.size() - mailboxes.size();
}

async::Task<bool> QuotaWarnings::TakeBack(const Warning& untold) {
    try {
        const std::optional<usage::Filling> filling = co_await usage_.FindFilling(untold.mailbox);
        if (!filling) co_return true;
        const std::uint64_t level = filling->warned.value_or(0);
        const bool is_beyond =
            untold.is_over ? level <= untold.level_before : level >= untold.level_before;
        if (!is_beyond)
            co_await usage_.NoteWarned(untold.mailbox, filling->warned, untold.level_before);
    } catch (const outage::Unavailable&) {
        co_return false;
    }
    co_return true;
}

async::Task<void> QuotaWarnings::GiveBack() {
    const std::vector<std::string> mailboxes = changed_.TakeAll();
    bool is_down = false;
    try {
        co_await usage_.GiveBackChanged(mailboxes);
    } catch (const outage::Unavailable&) {
        is_down = true;
    }
    if (is_down) changed_.Add(mailboxes);
}

/// False where its tables do not tell its limits: that may be about it alone, as by a limit that is
/// no number.
async::Task<bool> QuotaWarnings::LookAtChanged(const std::string& mailbox) {
    recipients::Mailbox limits;
    try {
        limits = co_await resolver_.LimitsOf(mailbox);
    } catch (const outage::TableUnavailable& unavailable) {
        log::Debug("quota warning: {} not looked at yet: {}", text::EscapedForLog(mailbox),
                   unavailable.what());
        changed_.SetAside(mailbox);
        co_return false;
    }
    const Contents limit = LimitsOf(limits);
    const Contents otherwise = changed_.TakeOtherwise(mailbox);
    const bool has_limit = limit.bytes != 0 || limit.messages != 0;
    co_await LookAt(mailbox, has_limit ? limit : otherwise);
    co_return true;
}

}  // namespace policyd::checks
