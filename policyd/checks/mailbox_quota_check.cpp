#include "policyd/checks/mailbox_quota_check.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>
#include <utility>
#include <vector>

#include "common/async/when_all.hpp"
#include "common/log/logging.hpp"
#include "common/protocol/message_name.hpp"
#include "common/text/fold_case.hpp"
#include "policyd/checks/portion.hpp"
#include "policyd/checks/refusal_line.hpp"
#include "policyd/checks/resolve.hpp"
#include "policyd/checks/saturating.hpp"

namespace policyd::checks {

namespace {

using protocol::PolicyRequest;
using protocol::Stage;
using usage::Unreserve;

/// How often Postfix asks at most about one RCPT command: for each of five lists of restrictions
/// (smtpd_client_restrictions to smtpd_recipient_restrictions), and again if it missed the answer
/// (smtpd_policy_service_try_limit). Who is asked about more often is named again by the client,
/// which Postfix delivers again if it is written in another way (cleanup(8)'s list of duplicates).
constexpr std::uint64_t kMostTimesAsked = 10;

/// Policyd or Postfix refuses him, whoever is asked first: none of those that Postfix counts.
bool IsNobody(const recipients::Resolution& resolution) {
    return resolution.kind == recipients::Resolution::Kind::kUnknown ||
           resolution.kind == recipients::Resolution::Kind::kDeferred;
}

/// Of several without room: all the mailboxes that have none, and whether that is for good in each.
Taken WithoutRoom(const std::vector<Taken>& taken) {
    Taken all;
    std::unordered_set<std::string_view> named;
    for (const Taken& one : taken) {
        if (one.room == Room::kFree) continue;
        // The one that is refused least surely counts.
        if (all.room == Room::kFree || all.room == Room::kFull) all.room = one.room;
        for (const std::string& mailbox : one.full)
            if (named.insert(mailbox).second) all.full.push_back(mailbox);
    }
    return all;
}

bool IsConcerned(const PolicyRequest& request) {
    return request.stage == Stage::kEndOfMessage ||
           (request.stage == Stage::kRcpt && !request.recipient.empty());
}

/// Where room was reserved by what the tables said before, and mail does not go any more.
std::vector<std::string> LeftBehind(const recipients::Resolution& before,
                                    const recipients::Resolution& now) {
    std::vector<std::string> left = MailboxRoom::LimitedOf(before.mailboxes);
    std::erase_if(left, [&now](const std::string& mailbox) {
        return std::any_of(now.mailboxes.begin(), now.mailboxes.end(),
                           [&mailbox](const auto& target) { return target.name == mailbox; });
    });
    return left;
}

/// The request with the size of its own message, where Postfix still counts bytes of others;
/// nothing where it is as it should be.
std::optional<PolicyRequest> Without(std::uint64_t refused_bytes, const PolicyRequest& request) {
    if (refused_bytes == 0 || request.size < refused_bytes) return std::nullopt;
    PolicyRequest alone = request;
    alone.size -= refused_bytes;
    return alone;
}

std::uint64_t TimesAsked(const std::vector<TrackedRecipient>& recipients) {
    std::uint64_t times = 0;
    for (const TrackedRecipient& recipient : recipients) times += recipient.asked;
    return times;
}

}  // namespace

MailboxQuotaCheck::MailboxQuotaCheck(const Parts& parts, QuotaRules rules, Clock clock,
                                     text::WallClock wall_clock)
    : recipients_(parts.recipients),
      messages_(parts.messages),
      owed_(parts.owed),
      rules_(std::move(rules)),
      clock_(std::move(clock)),
      held_(parts.usage, parts.messages, parts.owed, rules_.reservations),
      room_(parts.usage, parts.warnings, rules_.room, clock_, std::move(wall_clock)),
      sizes_(parts.usage, parts.average, rules_.size, clock_) {}

void MailboxQuotaCheck::TakeOver(PolicyCheck& predecessor, bool) {
    room_.TakeOver(static_cast<MailboxQuotaCheck&>(predecessor).room_);
}

async::Task<Verdict> MailboxQuotaCheck::Evaluate(const PolicyRequest& request, Findings& findings) {
    if (!IsConcerned(request)) return NotConcerned();
    findings.asked_at = clock_();
    if (request.stage == Stage::kEndOfMessage) return AtEndOfMessage(request, findings);
    return AtRcpt(request, findings);
}

async::Task<Verdict> MailboxQuotaCheck::NotConcerned() {
    co_return Verdict::NoOpinion();
}

void MailboxQuotaCheck::Foresee(const PolicyRequest& request, async::Ahead what) {
    // Most recipients are mailboxes themselves.
    if (request.stage == Stage::kRcpt) room_.Foresee(request.recipient, what);
}

std::optional<Verdict> MailboxQuotaCheck::AtHand(const PolicyRequest& request) {
    if (!IsConcerned(request)) return Verdict::NoOpinion();
    if (request.stage == Stage::kEndOfMessage) return std::nullopt;
    const auto resolution = recipients_.Fresh(request.recipient);
    if (!resolution) return std::nullopt;
    if (IsNobody(*resolution)) return Verdict::NoOpinion();
    const auto& mailboxes = resolution->mailboxes;
    if (!mailboxes.empty() && (held_.Reserves(request.instance) || !room_.TellsAtHand()))
        return std::nullopt;
    // Who has room needs no exemption, and most have.
    if (!mailboxes.empty() && !HasRoomAtHand(request, mailboxes) &&
        !rules_.exempt.Cover(request, request.recipient))
        return std::nullopt;
    if (request.instance.empty()) return Verdict::NoOpinion();
    TrackedRecipient recipient;
    recipient.recipient = text::FoldCase(request.recipient);
    recipient.resolution = resolution;
    const std::string message = protocol::MessageName(request);
    Noted noted = Remember(request, message, recipient, clock_());
    if (!noted.left.empty())
        owed_.GiveBack(HeldRoom::Id(message, recipient.recipient), std::move(noted.left),
                       Unreserve::kWhatIsUnsettled);
    return std::move(noted.verdict);
}

bool MailboxQuotaCheck::HasRoomAtHand(const PolicyRequest& request,
                                      const MailboxRoom::Mailboxes& mailboxes) {
    const auto bytes = sizes_.AtHand(request, request.recipient, mailboxes);
    return bytes && room_.HasRoomAtHand(mailboxes, *bytes);
}

/// Refuses who is one too many, or is named so often that one message could fill his mailbox many
/// times over.
MailboxQuotaCheck::Noted MailboxQuotaCheck::Remember(const PolicyRequest& request,
                                                     const std::string& message,
                                                     const TrackedRecipient& recipient,
                                                     std::chrono::milliseconds asked_at) {
    const auto remembered = messages_.Remember(message, recipient, asked_at);
    Noted noted;
    noted.refused_bytes = remembered.refused_bytes;
    if (remembered.asked == 0) {
        noted.verdict = Verdict::Answer("452 4.5.3 Too many recipients", "too_many_recipients");
        return noted;
    }
    if (remembered.before && held_.Reserves(message))
        noted.left = LeftBehind(*remembered.before, *recipient.resolution);
    if (remembered.asked <= kMostTimesAsked ||
        MailboxRoom::LimitedOf(recipient.resolution->mailboxes).empty() ||
        rules_.exempt.Cover(request, recipient.recipient))
        return noted;
    messages_.ForgetOnce(message, recipient.recipient);
    noted.verdict = Verdict::Answer("452 4.5.3 Recipient is named too often", "repeated_recipient");
    return noted;
}

async::Task<TrackedRecipient> MailboxQuotaCheck::Resolved(std::string_view recipient,
                                                          Findings& findings) {
    TrackedRecipient resolved;
    resolved.recipient = text::FoldCase(recipient);
    const auto given =
        co_await Resolve(recipients_, recipient, rules_.recipient_stale_time, findings);
    resolved.resolution = given.answer;
    resolved.is_stale = given.is_stale;
    co_return resolved;
}

async::Task<Verdict> MailboxQuotaCheck::AtRcpt(const PolicyRequest& request, Findings& findings) {
    const std::string message = protocol::MessageName(request);
    TrackedRecipient recipient;
    recipient.recipient = text::FoldCase(request.recipient);
    recipient.resolution = recipients_.Fresh(request.recipient);
    if (!recipient.resolution) recipient = co_await Resolved(request.recipient, findings);
    if (IsNobody(*recipient.resolution)) co_return Verdict::NoOpinion();
    recipient.holds = held_.Reserves(message);

    // Remembered before the store is asked: if it cannot answer, the end of the message still can.
    // Who has no mailbox here as well: he is one of those that Postfix counts, and has room.
    std::optional<PolicyRequest> without_those;
    if (!message.empty()) {
        Noted noted = Remember(request, message, recipient, *findings.asked_at);
        findings.is_counted = !noted.verdict.HasOpinion();
        if (!noted.left.empty())
            co_await held_.GiveBack(HeldRoom::Id(message, recipient.recipient),
                                    std::move(noted.left), Unreserve::kWhatIsUnsettled);
        if (noted.verdict.HasOpinion()) co_return std::move(noted.verdict);
        without_those = Without(noted.refused_bytes, request);
    }
    findings.recipients.push_back(std::move(recipient));
    const TrackedRecipient& asked = findings.recipients.front();
    const PolicyRequest& alone = without_those ? *without_those : request;
    const Taken taken = co_await TakeRoom(alone, message, asked, WithRoom::kMayBeAborted);
    if (taken.room != Room::kFree) {
        messages_.ForgetOnce(message, asked.recipient);
        findings.is_counted = false;
        Verdict refusal = co_await Refusal(taken, message);
        if (log::TellsDebug()) log::Debug("{}", RefusalLine(request, refusal, taken.full));
        co_return refusal;
    }
    // What the message held was given back meanwhile, and perhaps before this was reserved: where
    // Postfix missed an answer, it asked again over another connection, of another thread.
    if (held_.Reserves(message) && !messages_.Expects(message, asked.recipient))
        co_await held_.GiveBack(message, findings.recipients, Unreserve::kWhatIsUnsettled);
    co_return Verdict::NoOpinion();
}

async::Task<Verdict> MailboxQuotaCheck::AtEndOfMessage(const PolicyRequest& request,
                                                       Findings& findings) {
    const std::string message = protocol::MessageName(request);
    co_await FindOut(request, message, findings);
    const Recipients& recipients = findings.recipients;
    if (recipients.empty()) co_return Verdict::NoOpinion();
    messages_.Settle(message);
    const MessageTracker::Told before = messages_.RefusedBefore(message);
    const std::optional<PolicyRequest> without_those = Without(before.bytes, request);
    const PolicyRequest& alone = without_those ? *without_those : request;
    // One who has room has the message let in, unless it is refused on account of others.
    const bool accepts = rules_.full_at_end_of_message == FullAtEndOfMessage::kAccept;
    const WithRoom with_room =
        accepts || recipients.size() == 1 ? WithRoom::kIsLetIn : WithRoom::kMayBeRefused;
    const std::vector<Taken> taken = co_await TakeRoomForAll(alone, message, recipients, with_room);
    std::size_t full = 0;
    std::uint64_t full_asked = 0;
    for (std::size_t i = 0; i < taken.size(); ++i) {
        if (taken[i].room == Room::kFree) continue;
        ++full;
        full_asked += recipients[i].asked;
    }
    // Recipients that were refused later on, or never seen here, may be among the accepted ones:
    // where that cannot be told, nobody is refused on their account.
    const std::uint64_t asked = TimesAsked(recipients);
    const std::uint64_t accepted = Difference(request.recipient_count, before.recipients);
    const bool all_full = full == recipients.size() && asked >= accepted;
    const std::uint64_t refused_later = accepted > 0 ? Difference(asked, accepted) : 0;
    const bool surely_some_full = full_asked > refused_later;
    if (!all_full && (!surely_some_full || accepts)) {
        for (std::size_t next = 0; next < recipients.size();) {
            std::vector<async::Task<void>> charging;
            for (const std::size_t end = EndOfPortion(recipients, next); next < end; ++next) {
                const Taken& its = taken[next];
                if (its.room != Room::kFree || with_room == WithRoom::kMayBeRefused)
                    charging.push_back(Charge(alone, message, recipients[next], its.full.empty()));
            }
            co_await async::WhenAll(std::move(charging));
        }
        co_return Verdict::NoOpinion();
    }
    messages_.Refuse(message, {request.recipient_count, request.size}, clock_());
    co_await held_.GiveBack(message, recipients, Unreserve::kEverything);
    Taken without_room = WithoutRoom(taken);
    // Asked about more often than there are recipients, somebody was named twice, or the service
    // is in several lists and somebody else was accepted unasked, who may have room.
    if (recipients.size() < accepted && without_room.room == Room::kFull)
        without_room.room = Room::kPerhapsFull;
    Verdict refusal;
    if (!all_full && rules_.full_at_end_of_message == FullAtEndOfMessage::kDefer) {
        refusal = Verdict::AsConfigured(rules_.mailbox_full_defer_action, "mailbox_full");
    } else {
        refusal = co_await Refusal(without_room, message);
    }
    log::Info("{}", RefusalLine(request, refusal, without_room.full));
    co_return refusal;
}

async::Task<std::vector<Taken>> MailboxQuotaCheck::TakeRoomForAll(const PolicyRequest& request,
                                                                  const std::string& message,
                                                                  const Recipients& recipients,
                                                                  WithRoom with_room) {
    std::vector<Taken> taken;
    taken.reserve(recipients.size());
    for (std::size_t next = 0; next < recipients.size();) {
        std::vector<async::Task<Taken>> taking;
        for (const std::size_t end = EndOfPortion(recipients, next); next < end; ++next)
            taking.push_back(TakeRoom(request, message, recipients[next], with_room));
        std::vector<Taken> some = co_await async::WhenAll(std::move(taking));
        std::move(some.begin(), some.end(), std::back_inserter(taken));
    }
    co_return taken;
}

async::Task<void> MailboxQuotaCheck::FindAccepted(const PolicyRequest& request,
                                                  const std::string& message, Findings& findings) {
    Recipients recipients = messages_.Recipients(message, clock_());
    Recipients refused;
    if (!request.recipient.empty()) {
        // Exactly one was accepted, and this is it.
        const std::string accepted_one = text::FoldCase(request.recipient);
        const auto accepted = std::stable_partition(
            recipients.begin(), recipients.end(),
            [&](const auto& recipient) { return recipient.recipient == accepted_one; });
        refused.assign(accepted, recipients.end());
        recipients.erase(accepted, recipients.end());
    }
    // Noted first: from then on it is the usage store that is waited for.
    findings.recipients = std::move(recipients);
    if (!refused.empty())
        co_await held_.GiveBack(message, std::move(refused), Unreserve::kEverything);
    if (!findings.recipients.empty() || request.recipient.empty()) co_return;
    TrackedRecipient recipient = co_await Resolved(request.recipient, findings);
    findings.recipients.push_back(std::move(recipient));
}

async::Task<Taken> MailboxQuotaCheck::TakeRoom(const PolicyRequest& request,
                                               const std::string& message,
                                               const TrackedRecipient& recipient,
                                               WithRoom with_room) {
    const auto& mailboxes = recipient.resolution->mailboxes;
    Taken taken;
    if (mailboxes.empty()) co_return taken;
    const StoredSize size = co_await sizes_.Of(request, recipient);
    const bool exempt = rules_.exempt.Cover(request, recipient.recipient);
    if (!held_.IsHeldFor(recipient, message)) {
        if (!exempt) taken = co_await room_.Look(*recipient.resolution, size, with_room);
    } else {
        const std::string id = HeldRoom::Id(message, recipient.recipient);
        if (!owed_.Forget(id))
            throw outage::UsageStoreUnavailable("it is being told of this message");
        if (exempt) {
            usage::Reservation reservation = room_.ReservationFor(id, mailboxes, size.bytes);
            co_await room_.Charge(std::move(reservation), mailboxes, with_room);
        } else {
            taken = co_await room_.Take(id, *recipient.resolution, size, with_room);
        }
    }
    if (taken.room == Room::kFull && recipient.is_stale) taken.room = Room::kPerhapsFull;
    co_return taken;
}

async::Task<Verdict> MailboxQuotaCheck::Refusal(const Taken& taken, std::string_view message) {
    if (taken.room == Room::kUncertain)
        co_return Verdict::AsConfigured(rules_.mailbox_full_defer_action, "stale_usage");
    if (taken.room == Room::kPerhapsFull)
        co_return Verdict::AsConfigured(rules_.mailbox_full_defer_action, "mailbox_perhaps_full");
    bool is_for_good = false;
    try {
        is_for_good = co_await room_.IsForGood(taken.full, message);
    } catch (const outage::UsageStoreUnavailable&) {
        // It is full, for how long nobody can tell.
    }
    if (is_for_good) co_return Verdict::AsConfigured(rules_.mailbox_full_action, "mailbox_full");
    co_return Verdict::AsConfigured(rules_.mailbox_full_defer_action, "mailbox_full_for_now");
}

/// The message is let in, whether there is room or not.
async::Task<void> MailboxQuotaCheck::Charge(const PolicyRequest& request,
                                            const std::string& message,
                                            const TrackedRecipient& recipient, bool has_room) {
    const bool ends_fullness = has_room && !rules_.exempt.Cover(request, recipient.recipient);
    if (!held_.IsHeldFor(recipient, message)) {
        if (ends_fullness) co_await room_.NoteRoom(recipient.resolution->mailboxes);
        co_return;
    }
    const auto& mailboxes = recipient.resolution->mailboxes;
    const std::uint64_t bytes = sizes_.AsTold(request, recipient);
    usage::Reservation reservation =
        room_.ReservationFor(HeldRoom::Id(message, recipient.recipient), mailboxes, bytes);
    reservation.ends_fullness = ends_fullness && room_.EndsFullness(*recipient.resolution);
    bool is_down = false;
    try {
        co_await room_.Charge(reservation, mailboxes, WithRoom::kIsLetIn);
    } catch (const outage::UsageStoreUnavailable&) {
        is_down = true;
    }
    if (is_down) owed_.Charge(std::move(reservation), clock_());
}

MailboxQuotaCheck::Rest MailboxQuotaCheck::EndMessage(std::string_view message) {
    return held_.GiveUp(message, messages_.End(message));
}

MailboxQuotaCheck::Rest MailboxQuotaCheck::LeaveMessage(std::string_view message) {
    return held_.GiveUp(message, messages_.Leave(message));
}

std::optional<Verdict> MailboxQuotaCheck::AsRemembered(const PolicyRequest& request,
                                                       const Findings& findings) {
    if (!IsConcerned(request)) return Verdict::NoOpinion();
    const Recipients recipients = Known(request, findings);
    if (recipients.empty()) return std::nullopt;
    const auto is_nobody = [](const auto& recipient) { return IsNobody(*recipient.resolution); };
    if (std::all_of(recipients.begin(), recipients.end(), is_nobody)) return Verdict::NoOpinion();
    if (rules_.room.stale_time.count() == 0) return std::nullopt;
    std::size_t full = 0;
    for (const TrackedRecipient& recipient : recipients) {
        if (rules_.exempt.Cover(request, recipient.recipient)) continue;
        const auto room =
            room_.AsRemembered(*recipient.resolution, sizes_.WithoutAverage(request, recipient));
        if (!room) return std::nullopt;
        if (*room != Room::kFree) ++full;
    }
    // A message for several is let in for the sake of one, and never refused for good.
    if (full < recipients.size()) return Verdict::NoOpinion();
    return Verdict::AsConfigured(rules_.mailbox_full_defer_action, "remembered_full");
}

/// Who its recipients are the tables tell, and all else the usage store.
outage::Unavailable::BackEnd MailboxQuotaCheck::WaitsFor(const Findings& findings) const {
    return findings.recipients.empty() ? outage::Unavailable::BackEnd::kTable
                                       : outage::Unavailable::BackEnd::kUsageStore;
}

/// The recipients of a request as far as they were found out or are remembered.
MailboxQuotaCheck::Recipients MailboxQuotaCheck::Known(const PolicyRequest& request,
                                                       const Findings& findings) {
    if (!findings.recipients.empty() || request.stage != Stage::kRcpt) return findings.recipients;
    TrackedRecipient known;
    known.recipient = text::FoldCase(request.recipient);
    known.resolution = recipients_.Remembered(request.recipient, rules_.recipient_stale_time);
    if (!known.resolution) return {};
    return {std::move(known)};
}

/// The recipients of a request, where they are not known yet.
async::Task<void> MailboxQuotaCheck::FindOut(const PolicyRequest& request,
                                             const std::string& message, Findings& findings) {
    if (!findings.recipients.empty()) co_return;
    if (request.stage == Stage::kEndOfMessage) {
        co_await FindAccepted(request, message, findings);
    } else if (request.stage == Stage::kRcpt && !request.recipient.empty()) {
        TrackedRecipient recipient = co_await Resolved(request.recipient, findings);
        if (!IsNobody(*recipient.resolution)) findings.recipients.push_back(std::move(recipient));
    }
}

async::Task<void> MailboxQuotaCheck::WasLetPass(const PolicyRequest& request, Findings& findings) {
    const std::string message = protocol::MessageName(request);
    if (message.empty()) co_return;
    co_await FindOut(request, message, findings);
    for (const TrackedRecipient& recipient : findings.recipients) {
        if (request.stage == Stage::kRcpt) {
            if (std::exchange(findings.is_counted, true)) continue;
            const auto known =
                messages_.Remember(message, recipient, findings.asked_at.value_or(clock_()));
            if (known.before)
                owed_.GiveBack(HeldRoom::Id(message, recipient.recipient),
                               LeftBehind(*known.before, *recipient.resolution),
                               Unreserve::kWhatIsUnsettled);
        } else {
            messages_.Settle(message);
            if (!held_.IsHeldFor(recipient, message)) continue;
            const auto alone = Without(messages_.RefusedBefore(message).bytes, request);
            owed_.Charge(room_.ReservationFor(HeldRoom::Id(message, recipient.recipient),
                                              recipient.resolution->mailboxes,
                                              sizes_.AsTold(alone ? *alone : request, recipient)),
                         clock_());
        }
    }
}

async::Task<void> MailboxQuotaCheck::WasRefused(const PolicyRequest& request, Findings& findings) {
    const std::string message = protocol::MessageName(request);
    if (message.empty()) co_return;
    co_await FindOut(request, message, findings);
    if (request.stage == Stage::kEndOfMessage)
        messages_.Refuse(message, {request.recipient_count, request.size}, clock_());
    for (const TrackedRecipient& recipient : findings.recipients) {
        if (std::exchange(findings.is_counted, false))
            messages_.ForgetOnce(message, recipient.recipient);
        held_.GiveBackLater(message, recipient, Unreserve::kEverything);
    }
}

}  // namespace policyd::checks
