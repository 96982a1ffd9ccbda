#include "common/usage/redis_usage_store.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "common/usage/packed_numbers.hpp"
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

/// bytes, messages, reserved bytes, reserved messages: as all scripts return them.
Usage NextUsage(UnpackedNumbers& numbers) {
    Usage usage;
    usage.bytes = numbers.NextCount();
    usage.messages = numbers.NextCount();
    usage.reserved_bytes = numbers.NextCount();
    usage.reserved_messages = numbers.NextCount();
    return usage;
}

/// Of a time that is negative where there is none.
std::optional<text::WallTime> Measured(milliseconds time) {
    if (time < milliseconds(0)) return std::nullopt;
    return text::WallTime(time);
}

/// A mailbox as the scripts keep it.
struct Record {
    Usage usage;
    milliseconds oldest_reservation{-1};
};

Record RecordIn(std::string_view bytes) {
    Record record;
    if (bytes.empty()) return record;
    UnpackedNumbers numbers(bytes);
    record.usage.bytes = numbers.NextCount();
    record.usage.messages = numbers.NextCount();
    record.usage.measured_at = Measured(numbers.NextTime());
    record.usage.reserved_bytes = numbers.NextCount();
    record.usage.reserved_messages = numbers.NextCount();
    record.oldest_reservation = numbers.NextTime();
    return record;
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
    call.arguments.push_back(Header().Bytes());
    return call;
}

PackedNumbers RedisUsageStore::Header() const {
    PackedNumbers header;
    header << (clock_ ? clock_().time_since_epoch() : milliseconds(-1)) << reservation_life_;
    return header;
}

async::Task<text::WallTime> RedisUsageStore::Now() {
    if (clock_) co_return clock_();
    const Reply time = co_await redis_.Ask(Request("TIME"));
    const std::chrono::seconds seconds(std::stoll(time.elements.at(0).text));
    const std::chrono::microseconds rest(std::stoll(time.elements.at(1).text));
    co_return text::WallTime(seconds + std::chrono::floor<milliseconds>(rest));
}

async::Task<std::optional<Usage>> RedisUsageStore::Find(std::string_view mailbox) {
    const std::string key = RedisMailboxKey(mailbox);
    const Request read("HGET", key, "u");
    const Reply found = co_await redis_.Ask(read);
    Record record = RecordIn(found.text);
    // Our own clock only decides whether it is worth to have Redis drop what may have expired.
    const text::WallTime now = clock_ ? clock_() : text::SystemWallTime();
    if (record.oldest_reservation >= milliseconds(0) &&
        record.oldest_reservation < now.time_since_epoch() - reservation_life_) {
        co_await redis_.Evaluate(CallOf(kDomainScript, RedisDomainKey(DomainOf(mailbox))));
        const Reply again = co_await redis_.Ask(read);
        record = RecordIn(again.text);
    }
    if (!record.usage.measured_at && record.usage.reserved_messages == 0) co_return std::nullopt;
    co_return record.usage;
}

async::Task<std::optional<Usage>> RedisUsageStore::FindDomain(std::string_view domain) {
    const Reply found = co_await redis_.Evaluate(CallOf(kDomainScript, RedisDomainKey(domain)));
    UnpackedNumbers numbers(found.text);
    if (numbers.NextCount() == 0) co_return std::nullopt;
    co_return NextUsage(numbers);
}

ScriptCall RedisUsageStore::ReserveCall(const Reservation& reservation,
                                        const DomainPart& part) const {
    ScriptCall call = CallOf(kReserveScript, part.domain_key);
    DomainLimit whole;
    if (part.domain_limit) whole = reservation.domain_limits[*part.domain_limit];
    PackedNumbers header;
    header << reservation.bytes << std::size_t{reservation.force} << milliseconds(0)
           << most_single_reservations_ << std::size_t{part.domain_limit.has_value()} << whole.bytes
           << whole.messages;
    PackedNumbers limits;
    for (const std::size_t i : part.limits) {
        const Limit& limit = reservation.limits[i];
        call.keys.push_back(RedisMailboxKey(limit.mailbox));
        limits << limit.bytes << limit.messages << limit.copies;
    }
    call.arguments.front() += header.Bytes();
    call.arguments.push_back(reservation.id);
    call.arguments.push_back(limits.Bytes());
    return call;
}

ScriptCall RedisUsageStore::HoldCall(const Held& held, milliseconds age) const {
    ScriptCall call = CallOf(kReserveScript, RedisDomainKey(DomainOf(held.mailbox)));
    constexpr std::size_t kForce = 1;
    constexpr std::size_t kNoLimit = 0;
    PackedNumbers header;
    header << held.bytes << kForce << age << most_single_reservations_ << kNoLimit << kNoLimit
           << kNoLimit;
    PackedNumbers limit;
    limit << kNoLimit << kNoLimit << held.copies;
    call.keys.push_back(RedisMailboxKey(held.mailbox));
    call.arguments.front() += header.Bytes();
    call.arguments.push_back(held.id);
    call.arguments.push_back(limit.Bytes());
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
        UnpackedNumbers numbers(reply.text);
        const bool is_granted = numbers.NextCount() != 0;
        const bool domain_is_full = numbers.NextCount() != 0;
        const Usage domain_usage = NextUsage(numbers);
        if (part.domain_limit) {
            answer.domain_usage[*part.domain_limit] = domain_usage;
            if (domain_is_full && !reservation.force)
                answer.full_domains.push_back(*part.domain_limit);
        }
        for (const std::size_t limit : part.limits) {
            const bool is_full = numbers.NextCount() != 0;
            answer.usage[limit] = NextUsage(numbers);
            answer.usage[limit].measured_at = Measured(numbers.NextTime());
            if (is_full && !reservation.force) answer.full.push_back(limit);
            Granted before;
            before.mailbox = reservation.limits[limit].mailbox;
            before.bytes_before = numbers.NextCount();
            before.copies_before = numbers.NextCount();
            before.age_before = numbers.NextTime();
            if (is_granted) granted.push_back(std::move(before));
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
                PackedNumbers header = Header();
                header << grace;
                calls.push_back({kCommitScript, {key}, {header.Bytes(), std::string()}});
            }
            const Measurement& measurement = measurements[indexes[n]];
            PackedNumbers figures;
            figures << measurement.began.time_since_epoch() << measurement.bytes
                    << measurement.messages;
            calls.back().keys.push_back(RedisMailboxKey(measurement.mailbox));
            calls.back().arguments.back() += figures.Bytes();
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
            questions.emplace_back("HGET", key.text, "u");
        }
        co_await EvaluateInTurn(std::move(expire));
        const std::vector<Reply> records = co_await redis_.AskAll(std::move(questions));
        for (std::size_t i = 0; i < candidates.size(); ++i)
            if (RecordIn(records[i].text).usage.measured_at)
                names.push_back(std::move(candidates[i]));
    } while (cursor != "0");
    // Redis may name a key twice while it rearranges them.
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    co_return names;
}

}  // namespace policyd::usage
