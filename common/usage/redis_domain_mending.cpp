#include "common/usage/redis_domain_mending.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <utility>

#include "common/redis/key_scan.hpp"
#include "common/usage/redis_keys.hpp"
#include "common/usage/redis_records.hpp"
#include "common/usage/redis_scripts.hpp"

namespace policyd::usage {

namespace {

constexpr int kMostAttempts = 3;
constexpr std::size_t kMailboxesInOneCall = 100;  // what one script holds up others for

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

async::Task<std::vector<std::string>> RedisDomainMending::Run() {
    std::vector<std::string> wrong;
    DomainKeys left = co_await Suspects();
    for (int attempt = 0; attempt < kMostAttempts && !left.empty(); ++attempt) {
        co_await BeginCounts(left);
        co_await CountMailboxes(left);
        left = co_await EndCounts(left, wrong);
    }
    co_return wrong;
}

async::Task<RedisDomainMending::DomainKeys> RedisDomainMending::Suspects() {
    std::map<std::string, Difference> differences;
    redis::KeyScan scan(client_, std::string(kRedisKeyPrefix) + "{*");
    while (!scan.HasEnded()) {
        const std::vector<std::string> keys = co_await scan.Next();
        std::vector<redis::Request> questions;
        std::vector<std::string> of_mailboxes, of_domains;  // their domains' keys
        for (const std::string& key : keys) {
            auto domain = DomainKeyOfMailboxKey(key);
            if (!domain) continue;
            questions.emplace_back("HGET", key, "u");
            of_mailboxes.push_back(std::move(*domain));
        }
        for (const std::string& key : keys) {
            if (!DomainOfRedisKey(key)) continue;
            questions.emplace_back("GET", key);
            of_domains.push_back(key);
        }
        const std::vector<redis::Reply> records = co_await client_.AskAll(std::move(questions));
        auto record = records.begin();
        for (const std::string& domain : of_mailboxes) {
            const std::string& text = (record++)->text;
            if (!text.empty()) differences[domain].Add(RecordIn(text).usage, 1, -1);
        }
        for (const std::string& domain : of_domains) {
            UnpackedNumbers numbers((record++)->text);
            const Usage usage = NextUsage(numbers);
            differences[domain].Add(usage, numbers.NextCount(), 1);
        }
    }
    DomainKeys suspects;
    for (const auto& [domain, difference] : differences)
        if (difference.figures != Difference().figures) suspects.insert(domain);
    co_return suspects;
}

async::Task<> RedisDomainMending::BeginCounts(const DomainKeys& suspects) {
    for (const std::string& domain : suspects)
        co_await client_.Evaluate(CallOf(kBeginCountScript, domain));
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
                const std::size_t end = std::min(from + kMailboxesInOneCall, mailboxes.size());
                redis::ScriptCall call = CallOf(kCountScript, domain);
                for (std::size_t i = from; i < end; ++i) call.keys.Append(mailboxes[i]);
                co_await client_.Evaluate(std::move(call));
            }
        }
    }
}

async::Task<RedisDomainMending::DomainKeys> RedisDomainMending::EndCounts(
    const DomainKeys& suspects, std::vector<std::string>& wrong) {
    DomainKeys given_up;
    for (const std::string& domain : suspects) {
        const redis::Reply reply = co_await client_.Evaluate(CallOf(kEndCountScript, domain));
        UnpackedNumbers numbers(reply.text);
        const double is_wrong = numbers.Next();
        if (is_wrong < 0) given_up.insert(domain);
        if (is_wrong > 0) wrong.push_back(DomainOfRedisKey(domain).value_or(domain));
    }
    co_return given_up;
}

redis::ScriptCall RedisDomainMending::CallOf(std::size_t script,
                                             const std::string& domain_key) const {
    redis::ScriptCall call;
    call.script = script;
    call.keys.Append(domain_key);
    call.arguments.Append(header_);
    return call;
}

}  // namespace policyd::usage
