#include "common/usage/redis_domain_mending.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <utility>

#include "common/outage/unavailable.hpp"
#include "common/redis/key_scan.hpp"
#include "common/usage/redis_keys.hpp"
#include "common/usage/redis_records.hpp"
#include "common/usage/redis_scripts.hpp"

namespace policyd::usage {

namespace {

constexpr int kMostAttempts = 3;
constexpr std::size_t kMailboxesInOneCall = 100;         // what one script holds up others for
constexpr std::size_t kRecordSize = 7 * sizeof(double);  // of mailboxes and of domains, at least

/// Bytes, messages, reserved bytes and copies, mailboxes: what the domain has, less what its
/// mailboxes have.
struct Difference {
    std::array<std::int64_t, 5> figures{};

    void Add(const Usage& usage, std::uint64_t mailboxes, int sign) {
        const std::array<std::uint64_t, 5> more{usage.bytes, usage.messages, usage.reserved_bytes,
                                                usage.reserved_messages, mailboxes};
        for (std::size_t i = 0; i < figures.size(); ++i)
            figures[i] += sign * static_cast<std::int64_t>(more[i]);
    }
};

/// Differs from those of others, and of other runs.
double NumberOfRun() {
    std::random_device random;
    return static_cast<double>((std::uint64_t{random()} << 20) ^ random());
}

}  // namespace

RedisDomainMending::RedisDomainMending(redis::Client& client, PackedNumbers header)
    : client_(client), header_((header << NumberOfRun()).Bytes()) {}

async::Task<MendedDomains> RedisDomainMending::Run() {
    DomainKeys left = co_await Suspects();
    for (int attempt = 0; attempt < kMostAttempts && !left.empty(); ++attempt) {
        co_await BeginCounts(left);
        co_await CountMailboxes(left);
        left = co_await EndCounts(left);
    }
    const auto name = [](const std::string& key) { return DomainOfRedisKey(key).value_or(key); };
    MendedDomains mended;
    for (const std::string& key : wrong_) mended.wrong.push_back(name(key));
    for (const auto& [key, what] : broken_) mended.broken.emplace(name(key), what);
    co_return mended;
}

async::Task<RedisDomainMending::DomainKeys> RedisDomainMending::Suspects() {
    std::map<std::string, Difference> differences;
    redis::KeyScan scan(client_, std::string(kRedisKeyPrefix) + "{*");
    while (!scan.HasEnded()) {
        const std::vector<std::string> keys = co_await scan.Next();
        std::vector<redis::Request> questions;
        std::vector<std::pair<std::string, std::string>> asked;  // keys, and their domains'
        for (const std::string& key : keys) {
            if (auto domain = DomainKeyOfMailboxKey(key)) {
                questions.emplace_back("HGET", key, "u");
                asked.emplace_back(key, *std::move(domain));
            } else if (DomainOfRedisKey(key)) {
                questions.emplace_back("GET", key);
                asked.emplace_back(key, key);
            }
        }
        std::vector<redis::Reply> replies = co_await client_.AskEach(std::move(questions));
        for (std::size_t i = 0; i < asked.size(); ++i) {
            const auto& [key, domain] = asked[i];
            const std::string record = RecordIn(std::move(replies[i]), key, domain);
            if (record.empty()) continue;
            if (key != domain) {
                differences[domain].Add(usage::RecordIn(record).usage, 1, -1);
                continue;
            }
            UnpackedNumbers numbers(record);
            const Usage usage = NextUsage(numbers);
            differences[domain].Add(usage, numbers.NextCount(), 1);
        }
    }
    DomainKeys suspects;
    for (const auto& [domain, difference] : differences)
        if (difference.figures != Difference().figures) suspects.insert(domain);
    co_return suspects;
}

std::string RedisDomainMending::RecordIn(redis::Reply reply, const std::string& key,
                                         const std::string& domain) {
    try {
        std::string record = client_.Checked(std::move(reply)).text;
        if (record.empty() || record.size() >= kRecordSize) return record;
        broken_.emplace(domain, key + ": a record of " + std::to_string(record.size()) + " bytes");
    } catch (const outage::UsageRecordBroken& error) {
        broken_.emplace(domain, key + ": " + error.what());
    }
    return {};
}

async::Task<> RedisDomainMending::BeginCounts(const DomainKeys& suspects) {
    for (const std::string& domain : suspects) co_await Evaluate(kBeginCountScript, domain);
}

/// All keys are named that are there all the time from the beginning; those that come later are
/// counted by whoever makes them.
async::Task<> RedisDomainMending::CountMailboxes(const DomainKeys& suspects) {
    redis::KeyScan scan(client_, std::string(kRedisKeyPrefix) + "{*}:m:*");
    while (!scan.HasEnded()) {
        const std::vector<std::string> keys = co_await scan.Next();
        std::map<std::string, std::vector<std::string>> domains;
        for (const std::string& key : keys) {
            const auto domain = DomainKeyOfMailboxKey(key);
            if (domain && suspects.contains(*domain)) domains[*domain].push_back(key);
        }
        for (const auto& [domain, mailboxes] : domains) {
            for (std::size_t from = 0; from < mailboxes.size(); from += kMailboxesInOneCall) {
                const std::size_t count = std::min(kMailboxesInOneCall, mailboxes.size() - from);
                co_await Evaluate(kCountScript, domain, std::span(mailboxes).subspan(from, count));
            }
        }
    }
}

async::Task<RedisDomainMending::DomainKeys> RedisDomainMending::EndCounts(
    const DomainKeys& suspects) {
    DomainKeys given_up;
    for (const std::string& domain : suspects) {
        const std::optional<redis::Reply> reply = co_await Evaluate(kEndCountScript, domain);
        if (!reply) continue;
        UnpackedNumbers numbers(reply->text);
        const double is_wrong = numbers.Next();
        if (is_wrong < 0) given_up.insert(domain);
        if (is_wrong > 0) wrong_.push_back(domain);
    }
    co_return given_up;
}

async::Task<std::optional<redis::Reply>> RedisDomainMending::Evaluate(
    std::size_t script, std::string domain_key, std::span<const std::string> mailboxes) {
    if (broken_.contains(domain_key)) co_return std::nullopt;
    redis::ScriptCall call;
    call.script = script;
    call.keys.Append(domain_key);
    for (const std::string& mailbox : mailboxes) call.keys.Append(mailbox);
    call.arguments.Append(header_);
    try {
        co_return co_await client_.Evaluate(std::move(call));
    } catch (const outage::UsageRecordBroken& error) {
        broken_.emplace(std::move(domain_key), error.what());
    }
    co_return std::nullopt;
}

}  // namespace policyd::usage
