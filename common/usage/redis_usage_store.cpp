#include "common/usage/redis_usage_store.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "common/usage/redis_keys.hpp"
#include "common/usage/redis_scripts.hpp"

namespace policyd::usage {

namespace {

using redis::Reply;
using redis::Request;
using redis::ScriptCall;
using std::chrono::milliseconds;

constexpr milliseconds kTellAgain = std::chrono::seconds(30);
constexpr std::size_t kMostToTellAgain = 100'000;
constexpr std::size_t kMailboxesInOneCall = 100;  // what one script holds up others for
constexpr std::size_t kCallsAtOnce = 64;

/// Lua counts with doubles.
std::string Number(std::uint64_t number) {
    return std::to_string(std::min<std::uint64_t>(number, std::uint64_t{1} << 53));
}

std::string Number(milliseconds time) {
    return std::to_string(std::max<milliseconds::rep>(time.count(), 0));
}

std::uint64_t Unsigned(const Reply& reply) {
    if (reply.kind == Reply::Kind::kInteger)
        return static_cast<std::uint64_t>(std::max<std::int64_t>(reply.integer, 0));
    return reply.text.empty() ? 0 : std::stoull(reply.text);
}

/// bytes, messages, reserved bytes, reserved messages: as all scripts return them.
Usage FourNumbers(std::span<const Reply> replies) {
    Usage usage;
    usage.bytes = Unsigned(replies[0]);
    usage.messages = Unsigned(replies[1]);
    usage.reserved_bytes = Unsigned(replies[2]);
    usage.reserved_messages = Unsigned(replies[3]);
    return usage;
}

/// The mailboxes of each domain, as indexes into what `mailbox_of` tells, by the domain's key.
template <typename MailboxOf>
std::map<std::string, std::vector<std::size_t>> ByDomain(std::size_t count, MailboxOf mailbox_of) {
    std::map<std::string, std::vector<std::size_t>> domains;
    for (std::size_t i = 0; i < count; ++i)
        domains[RedisDomainKey(DomainOf(mailbox_of(i)))].push_back(i);
    return domains;
}

}  // namespace

/// What a reservation is to one of its domains.
struct RedisUsageStore::DomainPart {
    std::string domain_key;
    std::vector<std::size_t> limits;          // of Reservation::limits
    std::optional<std::size_t> domain_limit;  // of Reservation::domain_limits
};

/// What a message holds in a mailbox now, and what it held there before.
struct RedisUsageStore::Granted {
    std::string mailbox;
    std::uint64_t bytes_before = 0;
    std::uint64_t copies_before = 0;
    milliseconds age_before{0};
};

RedisUsageStore::RedisUsageStore(uv_loop_t* loop, Options options)
    : loop_(loop),
      clock_(std::move(options.clock)),
      reservation_life_(options.reservation_life),
      most_single_reservations_(options.most_single_reservations),
      recent_(kTellAgain, kMostToTellAgain),
      redis_(loop, std::move(options.server), RedisScripts(), [this] {
          // Where it fails the connection is lost again, and all is told again after that.
          async::Spawn(TellAgain(), [](std::exception_ptr) {});
      }) {}

RedisUsageStore::~RedisUsageStore() = default;

milliseconds RedisUsageStore::MonotonicNow() const {
    return milliseconds(uv_now(loop_));
}

ScriptCall RedisUsageStore::CallOf(std::size_t script, std::string domain_key) const {
    ScriptCall call;
    call.script = script;
    call.keys.push_back(std::move(domain_key));
    call.arguments.push_back(clock_ ? Number(clock_().time_since_epoch()) : std::string());
    call.arguments.push_back(Number(reservation_life_));
    return call;
}

async::Task<text::WallTime> RedisUsageStore::Now() {
    if (clock_) co_return clock_();
    const Reply time = co_await redis_.Ask(Request("TIME"));
    const milliseconds now(Unsigned(time.elements.at(0)) * 1000 +
                           Unsigned(time.elements.at(1)) / 1000);
    co_return text::WallTime(now);
}

async::Task<std::optional<Usage>> RedisUsageStore::Find(std::string_view mailbox) {
    const std::string key = RedisMailboxKey(mailbox);
    const Request read("HMGET", key, "b", "n", "rb", "rn", "s", "o");
    Reply found = co_await redis_.Ask(read);
    // Our own clock only decides whether it is worth to have Redis drop what may have expired.
    const text::WallTime now = clock_ ? clock_() : text::SystemWallTime();
    const milliseconds oldest(Unsigned(found.elements.at(5)));
    if (oldest > milliseconds(0) && oldest < now.time_since_epoch() - reservation_life_) {
        co_await redis_.Evaluate(CallOf(kDomainScript, RedisDomainKey(DomainOf(mailbox))));
        found = co_await redis_.Ask(read);
    }
    Usage usage = FourNumbers(found.elements);
    const Reply& measured = found.elements[4];
    if (measured.kind == Reply::Kind::kText)
        usage.measured_at = text::WallTime(milliseconds(Unsigned(measured)));
    if (!usage.measured_at && usage.reserved_messages == 0) co_return std::nullopt;
    co_return usage;
}

async::Task<std::optional<Usage>> RedisUsageStore::FindDomain(std::string_view domain) {
    const Reply found = co_await redis_.Evaluate(CallOf(kDomainScript, RedisDomainKey(domain)));
    if (Unsigned(found.elements.at(0)) == 0) co_return std::nullopt;
    co_return FourNumbers(std::span(found.elements).subspan(1));
}

ScriptCall RedisUsageStore::ReserveCall(const Reservation& reservation,
                                        const DomainPart& part) const {
    ScriptCall call = CallOf(kReserveScript, part.domain_key);
    DomainLimit whole;
    if (part.domain_limit) whole = reservation.domain_limits[*part.domain_limit];
    for (const std::string& argument :
         {reservation.id, Number(reservation.bytes), std::string(reservation.force ? "1" : "0"),
          std::string("0"), Number(most_single_reservations_),
          std::string(part.domain_limit ? "1" : "0"), Number(whole.bytes), Number(whole.messages)})
        call.arguments.push_back(argument);
    for (const std::size_t i : part.limits) {
        const Limit& limit = reservation.limits[i];
        call.keys.push_back(RedisMailboxKey(limit.mailbox));
        call.arguments.push_back(Number(limit.bytes));
        call.arguments.push_back(Number(limit.messages));
        call.arguments.push_back(Number(limit.copies));
    }
    return call;
}

ScriptCall RedisUsageStore::HoldCall(const Held& held, milliseconds age) const {
    ScriptCall call = CallOf(kReserveScript, RedisDomainKey(DomainOf(held.mailbox)));
    call.keys.push_back(RedisMailboxKey(held.mailbox));
    for (const std::string& argument :
         {held.id, Number(held.bytes), std::string("1"), Number(age),
          Number(most_single_reservations_), std::string("0"), std::string("0"), std::string("0"),
          std::string("0"), std::string("0"), Number(held.copies)})
        call.arguments.push_back(argument);
    return call;
}

async::Task<Reserved> RedisUsageStore::Reserve(const Reservation& reservation) {
    std::map<std::string, DomainPart> parts;
    const auto mailboxes = ByDomain(reservation.limits.size(), [&reservation](std::size_t i) {
        return std::string_view(reservation.limits[i].mailbox);
    });
    for (const auto& [key, limits] : mailboxes) parts[key] = {key, limits, std::nullopt};
    for (std::size_t i = 0; i < reservation.domain_limits.size(); ++i) {
        const std::string key = RedisDomainKey(reservation.domain_limits[i].domain);
        parts[key].domain_key = key;
        parts[key].domain_limit = i;
    }

    Reserved answer;
    answer.usage.resize(reservation.limits.size());
    answer.domain_usage.resize(reservation.domain_limits.size());
    std::vector<Granted> granted;
    for (const auto& [key, part] : parts) {
        const Reply reply = co_await redis_.Evaluate(ReserveCall(reservation, part));
        const std::span<const Reply> values = reply.elements;
        if (part.domain_limit) {
            answer.domain_usage[*part.domain_limit] = FourNumbers(values.subspan(2));
            if (values[1].integer != 0 && !reservation.force)
                answer.full_domains.push_back(*part.domain_limit);
        }
        for (std::size_t i = 0; i < part.limits.size(); ++i) {
            const std::span<const Reply> mailbox = values.subspan(6 + i * 9, 9);
            const std::size_t limit = part.limits[i];
            answer.usage[limit] = FourNumbers(mailbox.subspan(1));
            if (mailbox[5].integer >= 0)
                answer.usage[limit].measured_at = text::WallTime(milliseconds(mailbox[5].integer));
            if (mailbox[0].integer != 0 && !reservation.force) answer.full.push_back(limit);
            if (values[0].integer != 0)
                granted.push_back({reservation.limits[limit].mailbox, Unsigned(mailbox[6]),
                                   Unsigned(mailbox[7]), milliseconds(mailbox[8].integer)});
        }
    }
    std::sort(answer.full.begin(), answer.full.end());
    std::sort(answer.full_domains.begin(), answer.full_domains.end());
    if (answer.IsGranted()) {
        Remember(reservation);
    } else if (!granted.empty()) {
        co_await TakeBack(reservation.id, std::move(granted));
    }
    co_return answer;
}

async::Task<void> RedisUsageStore::TakeBack(std::string_view id, std::vector<Granted> granted) {
    std::vector<ScriptCall> calls;
    for (const Granted& each : granted) {
        if (each.copies_before == 0) {
            calls.push_back(CallOf(kReleaseScript, RedisDomainKey(DomainOf(each.mailbox))));
            calls.back().keys.push_back(RedisMailboxKey(each.mailbox));
            calls.back().arguments.emplace_back(id);
        } else {
            const Held before{std::string(id),
                              each.mailbox,
                              each.bytes_before / each.copies_before,
                              each.copies_before,
                              {}};
            calls.push_back(HoldCall(before, each.age_before));
        }
    }
    co_await EvaluateInTurn(std::move(calls));
}

void RedisUsageStore::Remember(const Reservation& reservation) {
    for (const Limit& limit : reservation.limits)
        recent_.Remember(
            {reservation.id, limit.mailbox, reservation.bytes, limit.copies, MonotonicNow()});
}

async::Task<void> RedisUsageStore::TellAgain() {
    const std::vector<Held> recent = recent_.Recent(MonotonicNow());
    for (std::size_t at = 0; at < recent.size();) {
        std::vector<ScriptCall> calls;
        for (; at < recent.size() && calls.size() < kCallsAtOnce; ++at)
            if (recent_.IsCurrent(recent[at]))
                calls.push_back(HoldCall(recent[at], MonotonicNow() - recent[at].at));
        co_await EvaluateInTurn(std::move(calls));
    }
}

async::Task<void> RedisUsageStore::EvaluateInTurn(std::vector<ScriptCall> calls) {
    for (std::size_t at = 0; at < calls.size(); at += kCallsAtOnce) {
        const auto first = calls.begin() + static_cast<std::ptrdiff_t>(at);
        const std::size_t count = std::min(kCallsAtOnce, calls.size() - at);
        std::vector<ScriptCall> some(
            std::make_move_iterator(first),
            std::make_move_iterator(first + static_cast<std::ptrdiff_t>(count)));
        co_await redis_.EvaluateAll(std::move(some));
    }
}

async::Task<void> RedisUsageStore::Release(std::string_view id,
                                           std::span<const std::string> mailboxes) {
    recent_.Forget(id, mailboxes);
    const auto domains = ByDomain(
        mailboxes.size(), [mailboxes](std::size_t i) { return std::string_view(mailboxes[i]); });
    std::vector<ScriptCall> calls;
    for (const auto& [key, indexes] : domains) {
        calls.push_back(CallOf(kReleaseScript, key));
        calls.back().arguments.emplace_back(id);
        for (const std::size_t i : indexes)
            calls.back().keys.push_back(RedisMailboxKey(mailboxes[i]));
    }
    co_await EvaluateInTurn(std::move(calls));
}

async::Task<void> RedisUsageStore::Commit(std::span<const Measurement> measurements,
                                          milliseconds grace) {
    const auto domains = ByDomain(measurements.size(), [measurements](std::size_t i) {
        return std::string_view(measurements[i].mailbox);
    });
    std::vector<ScriptCall> calls;
    for (const auto& [key, indexes] : domains) {
        for (std::size_t n = 0; n < indexes.size(); ++n) {
            if (n % kMailboxesInOneCall == 0) {
                calls.push_back(CallOf(kCommitScript, key));
                calls.back().arguments.push_back(Number(grace));
            }
            const Measurement& measurement = measurements[indexes[n]];
            calls.back().keys.push_back(RedisMailboxKey(measurement.mailbox));
            calls.back().arguments.push_back(Number(measurement.began.time_since_epoch()));
            calls.back().arguments.push_back(Number(measurement.bytes));
            calls.back().arguments.push_back(Number(measurement.messages));
        }
    }
    co_await EvaluateInTurn(std::move(calls));
}

async::Task<void> RedisUsageStore::Remove(std::span<const std::string> mailboxes) {
    const auto domains = ByDomain(
        mailboxes.size(), [mailboxes](std::size_t i) { return std::string_view(mailboxes[i]); });
    std::vector<ScriptCall> calls;
    for (const auto& [key, indexes] : domains) {
        for (std::size_t n = 0; n < indexes.size(); ++n) {
            if (n % kMailboxesInOneCall == 0) calls.push_back(CallOf(kRemoveScript, key));
            calls.back().keys.push_back(RedisMailboxKey(mailboxes[indexes[n]]));
        }
    }
    co_await EvaluateInTurn(std::move(calls));
}

async::Task<std::vector<std::string>> RedisUsageStore::MeasuredMailboxes() {
    const std::string pattern = std::string(kRedisKeyPrefix) + "{*";
    std::vector<std::string> names;
    std::string cursor = "0";
    do {
        Reply page = co_await redis_.Ask(Request("SCAN", cursor, "MATCH", pattern, "COUNT", 1000));
        cursor = page.elements.at(0).text;
        std::vector<ScriptCall> expire;
        std::vector<Request> questions;
        std::vector<std::string> candidates;
        for (const Reply& key : page.elements.at(1).elements) {
            if (const auto domain_key = DomainKeyOfReservedList(key.text))
                expire.push_back(CallOf(kDomainScript, *domain_key));
            std::optional<std::string> mailbox = MailboxOfRedisKey(key.text);
            if (!mailbox) continue;
            candidates.push_back(std::move(*mailbox));
            questions.emplace_back("HEXISTS", key.text, "s");
        }
        co_await EvaluateInTurn(std::move(expire));
        const std::vector<Reply> is_measured = co_await redis_.AskAll(std::move(questions));
        for (std::size_t i = 0; i < candidates.size(); ++i)
            if (is_measured[i].integer != 0) names.push_back(std::move(candidates[i]));
    } while (cursor != "0");
    // Redis may name a key twice while it rearranges them.
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    co_return names;
}

}  // namespace policyd::usage
