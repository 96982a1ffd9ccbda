#include "common/usage/redis_usage_store.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <map>
#include <utility>

#include "common/redis/key_scan.hpp"
#include "common/usage/packed_numbers.hpp"
#include "common/usage/redis_commit_calls.hpp"
#include "common/usage/redis_domain_mending.hpp"
#include "common/usage/redis_keys.hpp"
#include "common/usage/redis_records.hpp"
#include "common/usage/redis_reservations.hpp"
#include "common/usage/redis_scripts.hpp"

namespace policyd::usage {

namespace {

using redis::Reply;
using redis::Request;
using redis::ScriptCall;
using std::chrono::milliseconds;

constexpr std::size_t kMailboxesInOneCall = 100;  // what one script holds up others for
constexpr std::size_t kMailboxesInOneQuestion = 1000;
constexpr std::size_t kCallsAtOnce = 64;

std::map<std::string_view, std::vector<std::string>> ByDomain(
    std::span<const std::string> mailboxes) {
    std::map<std::string_view, std::vector<std::string>> domains;
    for (const std::string& mailbox : mailboxes) domains[DomainOf(mailbox)].push_back(mailbox);
    return domains;
}

}  // namespace

RedisUsageStore::RedisUsageStore(async::EventLoop& loop, Options options)
    : clock_(std::move(options.clock)),
      reservation_life_(options.reservation_life),
      reservation_grace_(options.reservation_grace),
      most_single_reservations_(options.most_single_reservations),
      notes_changes_(options.notes_changes),
      retelling_(
          loop.Raw(), redis_, batch_,
          options.recent ? std::move(options.recent) : std::make_shared<RecentReservations>()),
      redis_(
          loop, std::move(options.server), RedisScripts(), [this] { OnReady(); },
          [this](milliseconds last_answered) { retelling_.Lost(last_answered); }),
      batch_(loop.Raw(), redis_, [this] { return ReservationsHeader(); }) {}

RedisUsageStore::~RedisUsageStore() {
    batch_.Flush();
}

ScriptCall RedisUsageStore::CallOf(std::size_t script, std::string_view domain_key) {
    ScriptCall call;
    call.script = script;
    call.keys.Append(domain_key);
    return call;
}

ScriptCall RedisUsageStore::DomainCall(std::string_view domain_key) const {
    ScriptCall call = CallOf(kDomainScript, domain_key);
    call.arguments.Append(Header().Bytes());
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
    if (time.elements.size() != 2) redis::RefuseNonsense();
    const std::chrono::seconds seconds(NumberIn(time.elements.front()));
    const std::chrono::microseconds rest(NumberIn(time.elements.back()));
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
        co_await redis_.Evaluate(DomainCall(RedisDomainKey(DomainOf(mailbox))));
        const Reply again = co_await redis_.Ask(read);
        record = RecordIn(again.text);
    }
    if (!record.usage.measured_at && record.usage.reserved_messages == 0) co_return std::nullopt;
    co_return record.usage;
}

async::Task<std::optional<Usage>> RedisUsageStore::FindDomain(std::string_view domain) {
    const Reply found = co_await redis_.Evaluate(DomainCall(RedisDomainKey(domain)));
    UnpackedNumbers numbers(found.text);
    if (numbers.NextCount() == 0) co_return std::nullopt;
    co_return NextUsage(numbers);
}

async::Task<MendedDomains> RedisUsageStore::MendDomains() {
    RedisDomainMending mending(redis_, Header());
    co_return co_await mending.Run();
}

PackedNumbers RedisUsageStore::ReservationsHeader() const {
    PackedNumbers header = Header();
    header << most_single_reservations_ << reservation_grace_;
    return header;
}

async::Task<Reserved> RedisUsageStore::Reserve(const Reservation& reservation) {
    const std::vector<ReservationInDomain> parts = InItsDomains(reservation);
    Reserved answer;
    answer.usage.resize(reservation.limits.size());
    answer.warned.resize(reservation.limits.size());
    answer.domain_usage.resize(reservation.domain_limits.size());
    std::vector<GrantedBefore> granted;
    std::vector<const ReservationInDomain*> refused;
    for (const ReservationInDomain& part : parts) {
        const RedisReservationPart reserve = ReservePart(reservation, part, reservation.needs);
        const Reply reply = co_await batch_.Evaluate(reserve);
        if (!TakeAnswer(reservation, part, reply.text, answer, granted)) refused.push_back(&part);
    }
    if (reservation.needs == Needs::kRoomInAny && !granted.empty()) {
        answer.full.clear();
        answer.full_domains.clear();
        for (const ReservationInDomain* const part : refused) {
            const RedisReservationPart reserve = ReservePart(reservation, *part, Needs::kNoRoom);
            co_await batch_.Evaluate(reserve);
        }
    }
    std::sort(answer.full.begin(), answer.full.end());
    std::sort(answer.full_domains.begin(), answer.full_domains.end());
    if (answer.IsGranted()) {
        retelling_.Reserved(reservation);
        // A script that looks at one of several domains does not know whether it is.
        if (reservation.ends_fullness && parts.size() > 1) co_await NoteRoomIn(granted);
    } else if (!granted.empty()) {
        co_await TakeBack(reservation.id, std::move(granted));
    }
    co_return answer;
}

async::Task<void> RedisUsageStore::NoteRoomIn(const std::vector<GrantedBefore>& granted) {
    std::vector<std::string> mailboxes;
    for (const GrantedBefore& each : granted)
        if (!each.is_full) mailboxes.push_back(each.mailbox);
    co_await NoteRoom(mailboxes);
}

async::Task<void> RedisUsageStore::TakeBack(std::string_view id,
                                            std::vector<GrantedBefore> granted) {
    std::vector<RedisReservationPart> parts;
    for (const GrantedBefore& each : granted) {
        if (each.copies == 0) {
            retelling_.GivenBack(id, {&each.mailbox, 1}, Unreserve::kEverything);
            parts.push_back(ReleasePart(id, {&each.mailbox, 1}, Unreserve::kEverything));
        } else {
            const RecentReservations::Held before{.id = std::string(id),
                                                  .mailbox = each.mailbox,
                                                  .bytes = each.bytes / each.copies,
                                                  .copies = each.copies,
                                                  .settled = each.was_settled};
            const Settling settling = each.was_settled ? Settling::kYes : Settling::kNoMore;
            parts.push_back(HoldPart(before, each.age, settling));
        }
    }
    co_await batch_.EvaluateAll(std::move(parts));
}

void RedisUsageStore::OnReady() {
    retelling_.Start();
    if (std::exchange(was_ready_, true) && on_return_) on_return_();
}

async::Task<std::vector<Reply>> RedisUsageStore::EvaluateInTurn(std::vector<ScriptCall> calls) {
    batch_.Flush();
    std::vector<Reply> replies;
    for (std::size_t at = 0; at < calls.size(); at += kCallsAtOnce) {
        const auto first = calls.begin() + static_cast<std::ptrdiff_t>(at);
        const std::size_t count = std::min(kCallsAtOnce, calls.size() - at);
        std::vector<ScriptCall> some(
            std::make_move_iterator(first),
            std::make_move_iterator(first + static_cast<std::ptrdiff_t>(count)));
        std::vector<Reply> more = co_await redis_.EvaluateAll(std::move(some));
        std::move(more.begin(), more.end(), std::back_inserter(replies));
    }
    co_return replies;
}

async::Task<void> RedisUsageStore::Release(std::string_view id,
                                           std::span<const std::string> mailboxes, Unreserve what) {
    retelling_.GivenBack(id, mailboxes, what);
    std::vector<RedisReservationPart> parts;
    for (const auto& [domain, of_domain] : ByDomain(mailboxes))
        parts.push_back(ReleasePart(id, of_domain, what));
    co_await batch_.EvaluateAll(std::move(parts));
}

async::Task<void> RedisUsageStore::Commit(std::span<const Measurement> measurements,
                                          milliseconds grace) {
    PackedNumbers header = Header();
    header << grace << std::size_t{notes_changes_};
    RedisCommitCalls commit = MakeCommitCalls(measurements, header.Bytes());
    // One at a time: with the next in Redis already, others would wait for that, too.
    std::vector<std::string> changed;
    std::exception_ptr failure;
    auto part = commit.parts.begin();
    for (ScriptCall& call : commit.calls) {
        Reply reply = co_await redis_.Evaluate(std::move(call));
        for (Reply& of_domain : reply.elements) {
            if (part == commit.parts.end()) break;
            try {
                const Reply told = redis_.Checked(std::move(of_domain));
                for (std::size_t n = 0; n < std::min(told.text.size(), part->size()); ++n)
                    if (told.text[n] == '1') changed.push_back(measurements[(*part)[n]].mailbox);
            } catch (const outage::Unavailable&) {
                failure = std::current_exception();
            }
            ++part;
        }
    }
    if (!failure && part != commit.parts.end()) redis::RefuseNonsense();
    // What is stored of the others will not be told as changed again.
    if (!changed.empty()) co_await NoteChanged(std::move(changed));
    if (failure) std::rethrow_exception(failure);
}

async::Task<void> RedisUsageStore::NoteChanged(std::vector<std::string> mailboxes) {
    Request note("SADD", kRedisChangedKey);
    for (const std::string& mailbox : mailboxes) note.Append(mailbox);
    co_await redis_.Ask(note);
}

std::vector<ScriptCall> RedisUsageStore::CallsFor(std::span<const std::string> mailboxes,
                                                  std::size_t script, const PackedNumbers& header) {
    std::vector<ScriptCall> calls;
    for (const auto& [domain, of_domain] : ByDomain(mailboxes)) {
        for (std::size_t n = 0; n < of_domain.size(); ++n) {
            if (n % kMailboxesInOneCall == 0) {
                calls.push_back(CallOf(script, RedisDomainKey(domain)));
                calls.back().arguments.Append(header.Bytes());
            }
            calls.back().keys.Append(RedisMailboxKey(of_domain[n]));
        }
    }
    return calls;
}

async::Task<void> RedisUsageStore::Remove(std::span<const std::string> mailboxes) {
    co_await EvaluateInTurn(CallsFor(mailboxes, kRemoveScript, Header()));
    if (!notes_changes_ || mailboxes.empty()) co_return;
    Request forget("SREM", kRedisChangedKey);
    for (const std::string& mailbox : mailboxes) forget.Append(mailbox);
    co_await redis_.Ask(forget);
}

async::Task<std::vector<std::string>> RedisUsageStore::MeasuredMailboxes() {
    std::vector<std::string> names;
    redis::KeyScan scan(redis_, std::string(kRedisKeyPrefix) + "{*");
    while (!scan.HasEnded()) {
        const std::vector<std::string> keys = co_await scan.Next();
        std::vector<ScriptCall> expire;
        std::vector<Request> questions;
        std::vector<std::string> candidates;
        for (const std::string& key : keys) {
            if (const auto domain_key = DomainKeyOfReservedList(key))
                expire.push_back(DomainCall(*domain_key));
            std::optional<std::string> mailbox = MailboxOfRedisKey(key);
            if (!mailbox) continue;
            candidates.push_back(std::move(*mailbox));
            questions.emplace_back("HGET", key, "u");
        }
        co_await EvaluateInTurn(std::move(expire));
        const std::vector<Reply> records = co_await redis_.AskAll(std::move(questions));
        for (std::size_t i = 0; i < candidates.size(); ++i)
            if (RecordIn(records[i].text).usage.measured_at)
                names.push_back(std::move(candidates[i]));
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    co_return names;
}

async::Task<std::vector<std::string>> RedisUsageStore::UnmeasuredMailboxes() {
    std::vector<std::string> names;
    redis::KeyScan scan(redis_, std::string(kRedisKeyPrefix) + "{*}:r");
    while (!scan.HasEnded()) {
        const std::vector<std::string> lists = co_await scan.Next();
        for (const std::string& list : lists) {
            const auto domain_key = DomainKeyOfReservedList(list);
            if (!domain_key) continue;
            co_await redis_.Evaluate(DomainCall(*domain_key));
            std::vector<std::string> more = co_await UnmeasuredIn(list);
            std::move(more.begin(), more.end(), std::back_inserter(names));
        }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    co_return names;
}

async::Task<std::vector<std::string>> RedisUsageStore::UnmeasuredIn(std::string list) {
    const std::string mailbox_keys = list.substr(0, list.size() - 1) + "m:";
    std::vector<std::string> names;
    for (std::size_t at = 0;; at += kMailboxesInOneQuestion) {
        const Reply some =
            co_await redis_.Ask(Request("ZRANGE", list, at, at + kMailboxesInOneQuestion - 1));
        if (some.elements.empty()) co_return names;
        std::vector<Request> questions;
        for (const Reply& name : some.elements)
            questions.emplace_back("HGET", mailbox_keys + name.text, "u");
        const std::vector<Reply> records = co_await redis_.AskAll(std::move(questions));
        for (std::size_t i = 0; i < records.size(); ++i) {
            auto mailbox = MailboxOfRedisKey(mailbox_keys + some.elements[i].text);
            const Usage usage = RecordIn(records[i].text).usage;
            if (mailbox && !usage.measured_at && usage.reserved_messages > 0)
                names.push_back(std::move(*mailbox));
        }
    }
}

async::Task<void> RedisUsageStore::NoteAbsent(std::span<const std::string> mailboxes,
                                              text::WallTime looked, milliseconds grace) {
    PackedNumbers header = Header();
    header << looked.time_since_epoch() << grace;
    co_await EvaluateInTurn(CallsFor(mailboxes, kAbsentScript, header));
}

async::Task<Usage> RedisUsageStore::FindSite() {
    std::map<std::string, Usage> domains;
    redis::KeyScan scan(redis_, std::string(kRedisKeyPrefix) + "{*}:d");
    while (!scan.HasEnded()) {
        const std::vector<std::string> keys = co_await scan.Next();
        std::vector<Request> questions;
        for (const std::string& key : keys) questions.emplace_back("GET", key);
        const std::vector<Reply> records = co_await redis_.AskAll(std::move(questions));
        for (std::size_t i = 0; i < keys.size(); ++i) {
            UnpackedNumbers numbers(records[i].text);
            domains[keys[i]] = NextUsage(numbers);
        }
    }
    Usage site;
    for (const auto& [key, usage] : domains) {
        site.bytes += usage.bytes;
        site.messages += usage.messages;
        site.reserved_bytes += usage.reserved_bytes;
        site.reserved_messages += usage.reserved_messages;
    }
    co_return site;
}

async::Task<std::vector<milliseconds>> RedisUsageStore::NoteFull(
    std::span<const std::string> mailboxes, milliseconds memory) {
    const text::WallTime time = co_await Now();
    const milliseconds now = time.time_since_epoch();
    std::vector<Request> requests;
    for (const std::string& mailbox : mailboxes) {
        const std::string key = RedisFullnessKey(mailbox);
        requests.emplace_back("SET", key, now.count(), "NX", "PX", memory.count());
        requests.emplace_back("GET", key);
        requests.emplace_back("PEXPIRE", key, memory.count());
    }
    const std::vector<Reply> replies = co_await redis_.AskAll(std::move(requests));
    std::vector<milliseconds> times;
    std::vector<Request> corrections;
    for (std::size_t i = 0; i < mailboxes.size(); ++i) {
        const Reply& noted = replies[3 * i + 1];
        const milliseconds since(noted.text.empty() ? now.count() : NumberIn(noted));
        times.push_back(std::max(now - since, milliseconds(0)));
        // The clock was set back: what is later than now is as of now.
        if (since > now)
            corrections.emplace_back("SET", RedisFullnessKey(mailboxes[i]), now.count(), "XX", "PX",
                                     memory.count());
    }
    if (!corrections.empty()) co_await redis_.AskAll(std::move(corrections));
    co_return times;
}

async::Task<void> RedisUsageStore::NoteRoom(std::span<const std::string> mailboxes) {
    std::vector<Request> requests;
    for (const std::string& mailbox : mailboxes)
        requests.emplace_back("DEL", RedisFullnessKey(mailbox));
    co_await redis_.AskAll(std::move(requests));
}

ScriptCall RedisUsageStore::WarnedCall(std::string_view mailbox, double expected,
                                       double wanted) const {
    ScriptCall call = CallOf(kWarnedScript, RedisDomainKey(DomainOf(mailbox)));
    call.keys.Append(RedisMailboxKey(mailbox));
    PackedNumbers header = Header();
    header << expected << wanted;
    call.arguments.Append(header.Bytes());
    return call;
}

async::Task<std::optional<Filling>> RedisUsageStore::FindFilling(std::string_view mailbox) {
    constexpr double kLook = -2;
    const Reply reply = co_await redis_.Evaluate(WarnedCall(mailbox, kLook, kLook));
    UnpackedNumbers numbers(reply.text);
    if (numbers.NextCount() == 0) co_return std::nullopt;
    Filling filling;
    filling.bytes = numbers.NextCount();
    filling.warned = Percentage(numbers.Next());
    numbers.Next();
    filling.messages = numbers.NextCount();
    filling.most_bytes = numbers.NextCount();
    filling.most_messages = numbers.NextCount();
    co_return filling;
}

async::Task<bool> RedisUsageStore::NoteWarned(std::string_view mailbox,
                                              std::optional<std::uint64_t> from, std::uint64_t to) {
    const double expected = from ? static_cast<double>(*from) : -1;
    const Reply reply =
        co_await redis_.Evaluate(WarnedCall(mailbox, expected, static_cast<double>(to)));
    UnpackedNumbers numbers(reply.text);
    numbers.NextCount();
    numbers.NextCount();
    numbers.Next();
    co_return numbers.NextCount() != 0;
}

async::Task<std::vector<std::string>> RedisUsageStore::TakeChanged(std::size_t most) {
    const Reply reply = co_await redis_.Ask(Request("SPOP", kRedisChangedKey, most));
    std::vector<std::string> names;
    for (const Reply& name : reply.elements) names.push_back(name.text);
    co_return names;
}

async::Task<void> RedisUsageStore::GiveBackChanged(std::span<const std::string> mailboxes) {
    std::vector<std::string> names(mailboxes.begin(), mailboxes.end());
    if (!names.empty()) co_await NoteChanged(std::move(names));
}

}  // namespace policyd::usage
