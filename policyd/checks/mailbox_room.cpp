#include "policyd/checks/mailbox_room.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "policyd/checks/saturating.hpp"

namespace policyd::checks {

namespace {

/// For how long it is remembered since when mail for a mailbox has been refused, beyond twice the
/// soft time, while none comes.
constexpr std::chrono::hours kFullnessMemory{7 * 24};

using recipients::Mailbox;
using usage::Usage;

bool IsLimitedByDomain(const Mailbox& mailbox) {
    return mailbox.domain_quota_bytes != 0 || mailbox.domain_quota_messages != 0;
}

bool IsLimited(const Mailbox& mailbox) {
    return mailbox.quota_bytes != 0 || mailbox.quota_messages != 0 || IsLimitedByDomain(mailbox);
}

/// What is older decides only where the store cannot be asked, and then refuses nothing for good.
constexpr std::chrono::milliseconds kNeverStale{0};

bool Fits(std::uint64_t used, std::uint64_t reserved, std::uint64_t more, std::uint64_t limit) {
    return limit == 0 || Sum(Sum(used, reserved), more) <= limit;
}

/// As usage::UsageStore::Reserve decides.
bool HasRoomWithin(std::uint64_t byte_limit, std::uint64_t message_limit, std::uint64_t bytes,
                   std::uint64_t copies, const Usage& usage) {
    const std::uint64_t more = std::max<std::uint64_t>(Product(bytes, copies), 1);
    return Fits(usage.bytes, usage.reserved_bytes, more, byte_limit) &&
           Fits(usage.messages, usage.reserved_messages, copies, message_limit);
}

const Usage kEmpty;

/// A mailbox that the store does not know is new, and empty.
const Usage& UsageIn(const std::optional<Usage>& known) {
    return known ? *known : kEmpty;
}

/// Whether what was measured alone leaves no room. What is reserved may have been measured as well,
/// or may never come, even where the message was let pass at its end: a restriction, a milter or a
/// header check behind that may refuse it, and a filter on its way may drop it.
bool IsSurelyFull(std::uint64_t byte_limit, std::uint64_t message_limit, std::uint64_t bytes,
                  std::uint64_t copies, Usage usage) {
    usage.reserved_bytes = usage.reserved_messages = 0;
    return !HasRoomWithin(byte_limit, message_limit, bytes, copies, usage);
}

/// How many copies a reservation holds in a domain.
std::uint64_t CopiesIn(std::string_view domain, const std::vector<usage::Limit>& limits) {
    std::uint64_t copies = 0;
    for (const usage::Limit& limit : limits)
        if (usage::DomainOf(limit.mailbox) == domain) copies += limit.copies;
    return copies;
}

/// How many copies of mail for these mailboxes go to each domain that has a limit.
std::map<std::string_view, std::uint64_t> CopiesByDomain(const std::vector<Mailbox>& mailboxes) {
    std::map<std::string_view, std::uint64_t> copies;
    for (const Mailbox& mailbox : mailboxes)
        if (IsLimitedByDomain(mailbox)) copies[usage::DomainOf(mailbox.name)] += mailbox.copies;
    return copies;
}

/// The domains of a reservation that have no room, and whether that is certain.
std::map<std::string_view, bool> FullDomains(const usage::Reservation& reservation,
                                             const usage::Reserved& reserved,
                                             std::uint64_t surely) {
    std::map<std::string_view, bool> domains;
    for (const std::size_t full : reserved.full_domains) {
        const usage::DomainLimit& limit = reservation.domain_limits[full];
        domains[limit.domain] =
            IsSurelyFull(limit.bytes, limit.messages, surely,
                         CopiesIn(limit.domain, reservation.limits), reserved.domain_usage[full]);
    }
    return domains;
}

/// Where the mail goes: what is no mailbox of ours always has room.
std::size_t TargetsOf(const recipients::Resolution& resolution) {
    return resolution.mailboxes.size() + (resolution.any_elsewhere ? 1 : 0);
}

/// Adds the limit of the mailbox's domain, which several mailboxes may share.
void AddDomainLimit(const Mailbox& mailbox, std::vector<usage::DomainLimit>& limits) {
    if (!IsLimitedByDomain(mailbox)) return;
    const std::string_view domain = usage::DomainOf(mailbox.name);
    for (const usage::DomainLimit& known : limits)
        if (known.domain == domain) return;
    usage::DomainLimit limit;
    limit.domain = domain;
    limit.bytes = mailbox.domain_quota_bytes;
    limit.messages = mailbox.domain_quota_messages;
    limits.push_back(std::move(limit));
}

/// MailboxRoom::HasRoomFor(), for all of the mailbox's domain.
bool DomainHasRoomFor(std::uint64_t bytes, std::uint64_t copies, const Usage& usage,
                      const Mailbox& mailbox) {
    return HasRoomWithin(mailbox.domain_quota_bytes, mailbox.domain_quota_messages, bytes, copies,
                         usage);
}

}  // namespace

MailboxRoom::MailboxRoom(usage::UsageStore& usage, QuotaWarnings& warnings, const RoomRules& rules,
                         UsageCopies::Clock clock, text::WallClock wall_clock)
    : usage_(usage),
      warnings_(warnings),
      rules_(rules),
      wall_clock_(std::move(wall_clock)),
      copies_(
          rules.most_copies, rules.stale_time, clock,
          [time = rules.copy_time](const std::optional<Usage>&) { return time; },
          [this](const std::string& mailbox) { return Find(mailbox); }),
      domain_copies_(
          rules.most_copies, rules.stale_time, std::move(clock),
          [time = rules.copy_time](const std::optional<Usage>&) { return time; },
          [&usage](const std::string& domain) { return usage.FindDomain(domain); }) {}

void MailboxRoom::TakeOver(MailboxRoom& predecessor) {
    copies_.TakeOver(predecessor.copies_);
    domain_copies_.TakeOver(predecessor.domain_copies_);
}

/// Where one of the two has no room the target has none. True where that is so.
bool MailboxRoom::FullTargets::Add(const Fullness& mailbox, const Fullness& domain) {
    if (!mailbox.is_full && !domain.is_full) return false;
    ++full;
    if (!domain.is_full && mailbox.is_stale) ++stale;
    const bool is_sure = mailbox.is_full && mailbox.is_sure && !mailbox.is_stale;
    if (is_sure || (domain.is_full && domain.is_sure)) ++surely;
    return true;
}

/// Its quota with the grace; 0: no limit.
std::uint64_t MailboxRoom::BytesAllowed(const Mailbox& mailbox) const {
    if (mailbox.quota_bytes == 0) return 0;
    const std::uint64_t percent = Product(mailbox.quota_bytes, rules_.grace_percent);
    return Sum(mailbox.quota_bytes, Sum(percent / 100, rules_.grace_bytes));
}

usage::Limit MailboxRoom::LimitOf(const Mailbox& mailbox) const {
    usage::Limit limit;
    limit.mailbox = mailbox.name;
    limit.messages = mailbox.quota_messages;
    limit.bytes = BytesAllowed(mailbox);
    limit.copies = mailbox.copies;
    return limit;
}

bool MailboxRoom::HasRoomFor(std::uint64_t bytes, const Usage& usage,
                             const Mailbox& mailbox) const {
    return HasRoomWithin(BytesAllowed(mailbox), mailbox.quota_messages, bytes, mailbox.copies,
                         usage);
}

usage::Reservation MailboxRoom::ReservationFor(std::string_view id, const Mailboxes& mailboxes,
                                               std::uint64_t bytes) const {
    usage::Reservation reservation;
    reservation.id = id;
    reservation.bytes = bytes;
    for (const Mailbox& mailbox : mailboxes) {
        if (!IsLimited(mailbox)) continue;
        reservation.limits.push_back(LimitOf(mailbox));
        AddDomainLimit(mailbox, reservation.domain_limits);
    }
    return reservation;
}

bool MailboxRoom::Refuses(std::size_t full, std::size_t targets) const {
    if (full == 0) return false;
    if (targets == 1) return true;
    switch (rules_.full_target_refuses) {
        case FullTargetRefuses::kAny:
            return true;
        case FullTargetRefuses::kAll:
            return full == targets;
        case FullTargetRefuses::kNever:
            return false;
    }
    return false;
}

bool MailboxRoom::IsStale(const Usage& usage) const {
    return rules_.stale_usage != StaleUsage::kTrust && rules_.usage_max_age.count() > 0 &&
           usage.measured_at && wall_clock_() - *usage.measured_at > rules_.usage_max_age;
}

Room MailboxRoom::AnswerFor(const FullTargets& targets) const {
    if (Refuses(targets.full - targets.stale, targets.all))
        return Refuses(targets.surely, targets.all) ? Room::kFull : Room::kPerhapsFull;
    const bool is_uncertain =
        rules_.stale_usage == StaleUsage::kDefer && Refuses(targets.full, targets.all);
    return is_uncertain ? Room::kUncertain : Room::kFree;
}

Taken MailboxRoom::Refused(const usage::Reservation& reservation, std::uint64_t surely,
                           const usage::Reserved& reserved, std::size_t all) const {
    const auto full_domains = FullDomains(reservation, reserved, surely);
    FullTargets targets{.all = all};
    Taken taken;
    auto next_full = reserved.full.begin();
    for (std::size_t i = 0; i < reservation.limits.size(); ++i) {
        const usage::Limit& limit = reservation.limits[i];
        const Usage& usage = reserved.usage[i];
        Fullness mailbox;
        if (next_full != reserved.full.end() && *next_full == i) {
            ++next_full;
            mailbox.is_full = true;
            mailbox.is_stale = IsStale(usage);
            mailbox.is_sure =
                IsSurelyFull(limit.bytes, limit.messages, surely, limit.copies, usage);
        }
        Fullness domain;
        const auto full_domain = full_domains.find(usage::DomainOf(limit.mailbox));
        if (full_domain != full_domains.end()) {
            domain.is_full = true;
            domain.is_sure = full_domain->second;
        }
        if (targets.Add(mailbox, domain)) taken.full.push_back(limit.mailbox);
    }
    taken.room = AnswerFor(targets);
    return taken;
}

void MailboxRoom::Count(const usage::Reserved& reserved) const {
    (reserved.IsGranted() ? granted_ : full_).Add();
    for (const Usage& usage : reserved.usage) NoteMeasurement(usage);
}

void MailboxRoom::NoteMeasurement(const Usage& usage) const {
    if (!usage.measured_at) return;
    const auto since_epoch = usage.measured_at->time_since_epoch();
    last_scan_.Note(std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count());
}

async::Task<std::optional<Usage>> MailboxRoom::Find(std::string_view mailbox) {
    std::optional<Usage> found = co_await usage_.Find(mailbox);
    if (found) NoteMeasurement(*found);
    co_return found;
}

void MailboxRoom::Foresee(std::string_view mailbox, async::Ahead what) const {
    if (rules_.copy_time.count() > 0) copies_.Fetch(mailbox, what);
}

bool MailboxRoom::TellsAtHand() const noexcept {
    return rules_.copy_time.count() > 0 && rules_.soft_time.count() == 0;
}

bool MailboxRoom::HasRoomAtHand(const Mailboxes& mailboxes, std::uint64_t bytes) {
    if (!TellsAtHand()) return false;
    for (const Mailbox& mailbox : mailboxes) {
        if (!IsLimited(mailbox)) continue;
        if (IsLimitedByDomain(mailbox)) return false;
        const auto* const copy = copies_.AtHand(mailbox.name);
        if (copy == nullptr || !HasRoomFor(bytes, UsageIn(*copy), mailbox)) return false;
    }
    return true;
}

async::Task<Taken> MailboxRoom::Look(const Resolution& resolution, StoredSize size,
                                     WithRoom with_room) {
    const Mailboxes& mailboxes = resolution.mailboxes;
    const auto copies_by_domain = CopiesByDomain(mailboxes);
    std::map<std::string_view, Fullness> domains;
    FullTargets targets{.all = TargetsOf(resolution)};
    Taken taken;
    for (const Mailbox& mailbox : mailboxes) {
        if (!IsLimited(mailbox)) continue;
        const Fullness of_mailbox = co_await LookAtMailbox(mailbox, size);
        Fullness of_domain;
        if (IsLimitedByDomain(mailbox)) {
            const std::string_view name = usage::DomainOf(mailbox.name);
            const auto known = domains.find(name);
            if (known != domains.end()) {
                of_domain = known->second;
            } else {
                of_domain = co_await LookAtDomain(mailbox, copies_by_domain.at(name), size);
                domains.emplace(name, of_domain);
            }
        }
        if (targets.Add(of_mailbox, of_domain)) taken.full.emplace_back(mailbox.name);
    }
    taken.room = AnswerFor(targets);
    if (with_room == WithRoom::kIsLetIn && taken.full.empty()) co_await NoteRoom(mailboxes);
    co_return taken;
}

async::Task<MailboxRoom::Fullness> MailboxRoom::LookAtMailbox(const Mailbox& mailbox,
                                                              StoredSize size) {
    std::optional<Usage> known;
    if (rules_.copy_time.count() > 0) {
        const UsageCopies::Given copy = co_await copies_.Get(mailbox.name, kNeverStale);
        known = *copy;
    } else {
        known = co_await Find(mailbox.name);
        if (rules_.stale_time.count() > 0) copies_.Remember(mailbox.name, known);
    }
    const Usage& usage = UsageIn(known);
    Fullness fullness;
    fullness.is_full = !HasRoomFor(size.bytes, usage, mailbox);
    fullness.is_stale = IsStale(usage);
    fullness.is_sure = IsSurelyFull(BytesAllowed(mailbox), mailbox.quota_messages, size.surely,
                                    mailbox.copies, usage);
    co_return fullness;
}

async::Task<MailboxRoom::Fullness> MailboxRoom::LookAtDomain(const Mailbox& mailbox,
                                                             std::uint64_t copies,
                                                             StoredSize size) {
    const std::string_view name = usage::DomainOf(mailbox.name);
    const UsageCopies::Given known = co_await domain_copies_.Get(name, kNeverStale);
    const Usage& usage = UsageIn(*known);
    Fullness fullness;
    fullness.is_full = !DomainHasRoomFor(size.bytes, copies, usage, mailbox);
    fullness.is_sure = IsSurelyFull(mailbox.domain_quota_bytes, mailbox.domain_quota_messages,
                                    size.surely, copies, usage);
    co_return fullness;
}

async::Task<void> MailboxRoom::NoteRoom(const Mailboxes& mailboxes) {
    if (rules_.soft_time.count() == 0) co_return;
    const std::vector<std::string> names = LimitedOf(mailboxes);
    if (!names.empty()) co_await usage_.NoteRoom(names);
}

usage::Needs MailboxRoom::NeedsOf(const Resolution& resolution) const {
    if (TargetsOf(resolution) == 1) return usage::Needs::kRoomInAll;
    switch (rules_.full_target_refuses) {
        case FullTargetRefuses::kAny:
            return usage::Needs::kRoomInAll;
        case FullTargetRefuses::kAll: {
            const Mailboxes& mailboxes = resolution.mailboxes;
            const bool all_limited = !resolution.any_elsewhere &&
                                     std::all_of(mailboxes.begin(), mailboxes.end(), IsLimited);
            return all_limited ? usage::Needs::kRoomInAny : usage::Needs::kNoRoom;
        }
        case FullTargetRefuses::kNever:
            return usage::Needs::kNoRoom;
    }
    return usage::Needs::kRoomInAll;
}

async::Task<Taken> MailboxRoom::Take(std::string_view id, const Resolution& resolution,
                                     StoredSize size, WithRoom with_room) {
    const Mailboxes& mailboxes = resolution.mailboxes;
    const std::size_t targets = TargetsOf(resolution);
    Taken taken;
    usage::Reservation reservation = ReservationFor(id, mailboxes, size.bytes);
    if (reservation.limits.empty()) co_return taken;
    reservation.needs = NeedsOf(resolution);
    reservation.settled = with_room != WithRoom::kMayBeAborted;
    const bool is_let_in = with_room == WithRoom::kIsLetIn;
    reservation.ends_fullness = is_let_in && EndsFullness(resolution);
    const usage::Reserved reserved = co_await usage_.Reserve(reservation);
    Count(reserved);
    Remember(reservation, reserved);
    if (is_let_in && warnings_.MayBeCrossed(mailboxes, reservation, reserved))
        co_await warnings_.LookAt(mailboxes, reservation, reserved);
    if (reserved.IsGranted()) co_return taken;
    if (!reservation.settled) warnings_.LookLater(mailboxes, reservation, reserved);
    taken = Refused(reservation, size.surely, reserved, targets);
    if (taken.room == Room::kFree) {
        reservation.ends_fullness = false;
        co_await Charge(std::move(reservation), mailboxes, with_room);
        co_return taken;
    }
    co_return taken;
}

void MailboxRoom::Remember(const usage::Reservation& reservation, const usage::Reserved& reserved) {
    if (rules_.stale_time.count() == 0) return;
    const bool is_granted = reserved.IsGranted();
    for (std::size_t i = 0; i < reservation.limits.size(); ++i) {
        const usage::Limit& limit = reservation.limits[i];
        Usage usage = reserved.usage[i];
        if (is_granted) {
            const std::uint64_t more = Product(reservation.bytes, limit.copies);
            usage.reserved_bytes = Sum(usage.reserved_bytes, more);
            usage.reserved_messages = Sum(usage.reserved_messages, limit.copies);
        }
        copies_.Remember(limit.mailbox, usage);
    }
    for (std::size_t i = 0; i < reservation.domain_limits.size(); ++i)
        domain_copies_.Remember(reservation.domain_limits[i].domain, reserved.domain_usage[i]);
}

std::optional<Room> MailboxRoom::AsRemembered(const Resolution& resolution, std::uint64_t bytes) {
    const Mailboxes& mailboxes = resolution.mailboxes;
    const auto copies_by_domain = CopiesByDomain(mailboxes);
    std::size_t full = 0;
    for (const Mailbox& mailbox : mailboxes) {
        if (!IsLimited(mailbox)) continue;
        const UsageCopies::Answer copy = copies_.Remembered(mailbox.name, rules_.stale_time);
        if (!copy) return std::nullopt;
        bool has_room = HasRoomFor(bytes, UsageIn(*copy), mailbox);
        if (IsLimitedByDomain(mailbox)) {
            const std::string_view name = usage::DomainOf(mailbox.name);
            const UsageCopies::Answer domain = domain_copies_.Remembered(name, rules_.stale_time);
            if (!domain) return std::nullopt;
            has_room = has_room && DomainHasRoomFor(bytes, copies_by_domain.at(name),
                                                    UsageIn(*domain), mailbox);
        }
        if (!has_room) ++full;
    }
    return Refuses(full, TargetsOf(resolution)) ? Room::kUncertain : Room::kFree;
}

bool MailboxRoom::EndsFullness(const Resolution& resolution) const {
    return rules_.soft_time.count() > 0 && NeedsOf(resolution) != usage::Needs::kNoRoom;
}

async::Task<void> MailboxRoom::Charge(usage::Reservation reservation, const Mailboxes& mailboxes,
                                      WithRoom with_room) {
    if (reservation.limits.empty()) co_return;
    reservation.needs = usage::Needs::kNoRoom;
    reservation.settled = with_room != WithRoom::kMayBeAborted;
    const usage::Reserved reserved = co_await usage_.Reserve(reservation);
    if (with_room == WithRoom::kIsLetIn && warnings_.MayBeCrossed(mailboxes, reservation, reserved))
        co_await warnings_.LookAt(mailboxes, reservation, reserved);
}

std::vector<std::string> MailboxRoom::LimitedOf(const Mailboxes& mailboxes) {
    std::vector<std::string> names;
    for (const Mailbox& mailbox : mailboxes)
        if (IsLimited(mailbox)) names.emplace_back(mailbox.name);
    return names;
}

async::Task<bool> MailboxRoom::IsForGood(std::vector<std::string> full, std::string_view message) {
    if (rules_.soft_time.count() == 0) co_return true;
    // Nobody is refused, so that no time begins to run.
    if (rules_.is_dry_run || message.empty()) co_return false;
    const auto times = co_await usage_.NoteFull(full, 2 * rules_.soft_time + kFullnessMemory);
    co_return std::all_of(times.begin(), times.end(),
                          [this](auto time) { return time >= rules_.soft_time; });
}

}  // namespace policyd::checks
