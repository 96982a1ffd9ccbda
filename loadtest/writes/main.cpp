// What it costs to write the figures of many changed mailboxes to Redis, as policyd-scan does it
// and as bare HSETs of the same figures, in turn; and what a reader sees meanwhile.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <thread>

#include "common/async/sleep.hpp"
#include "common/log/logging.hpp"
#include "common/usage/open_usage_store.hpp"
#include "common/usage/redis_keys.hpp"
#include "loadtest/writes/reader.hpp"
#include "policyd/scanner/priority.hpp"
#include "policyd/scanner/publisher.hpp"

namespace policyd::loadtest::writes {

namespace {

using Seconds = std::chrono::duration<double>;

constexpr std::size_t kAtOnce = 100;  // mailboxes offered, HSETs under way

struct Options {
    std::string socket;
    std::size_t mailboxes = 10'000;
    std::size_t domains = 200;
    int rounds = 15;
};

std::string Path(const Options& options, std::size_t i) {
    return "domain" + std::to_string(i % options.domains) + ".example/user" + std::to_string(i);
}

std::string Address(const Options& options, std::size_t i) {
    return "user" + std::to_string(i) + "@domain" + std::to_string(i % options.domains) +
           ".example";
}

/// Every mailbox with figures that are others in each round.
void Change(const Options& options, scanner::ScanState& state, std::uint64_t round) {
    for (std::size_t i = 0; i < options.mailboxes; ++i) {
        scanner::MailboxRecord record;
        record.names.push_back('\0');
        record.folders.resize(1);
        record.folders[0].seen.bytes = i * 1'000 + round;
        record.folders[0].seen.messages = static_cast<std::uint32_t>(i + round);
        state.mailboxes[Path(options, i)].record =
            std::make_shared<const scanner::MailboxRecord>(std::move(record));
    }
}

/// Offered as threads that measure come to an end with them: some, and then the loop turns.
async::Task<> OfferAll(async::EventLoop& loop, scanner::Publisher& publisher,
                       const scanner::ScanState& state) {
    const scanner::StoreTime now = co_await publisher.AskTime();
    std::size_t offered = 0;
    for (const auto& [path, mailbox] : state.mailboxes) {
        publisher.Offer(path, now, scanner::Publisher::Turn::kLater);
        if (++offered % kAtOnce == 0)
            co_await async::Sleep(loop.Raw(), std::chrono::milliseconds(0));
    }
    co_await publisher.Finish();
}

Seconds Publish(async::EventLoop& loop, scanner::Publisher& publisher,
                const scanner::ScanState& state) {
    const auto begin = Clock::now();
    loop.RunUntilDone(OfferAll(loop, publisher, state));
    return Clock::now() - begin;
}

Seconds SetBarely(redisContext* redis, const std::vector<std::string>& keys, std::uint64_t round) {
    const auto begin = Clock::now();
    for (std::size_t at = 0; at < keys.size(); at += kAtOnce) {
        const std::size_t end = std::min(at + kAtOnce, keys.size());
        for (std::size_t i = at; i < end; ++i)
            redisAppendCommand(redis, "HSET bare:%s bytes %llu messages %llu measured_at %llu",
                               keys[i].c_str(), static_cast<unsigned long long>(i * 1'000 + round),
                               static_cast<unsigned long long>(i + round),
                               static_cast<unsigned long long>(1'700'000'000'000 + round));
        for (std::size_t i = at; i < end; ++i) {
            void* reply = nullptr;
            if (redisGetReply(redis, &reply) != REDIS_OK) throw std::runtime_error("Redis is gone");
            freeReplyObject(reply);
        }
    }
    return Clock::now() - begin;
}

void Append(std::vector<double>& all, const std::vector<double>& more) {
    all.insert(all.end(), more.begin(), more.end());
}

double Quantile(std::vector<double> values, double share) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const auto index = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
    return values[index];
}

void Measure(const Options& options) {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < options.mailboxes; ++i)
        keys.push_back(usage::RedisMailboxKey(Address(options, i)));
    const Reader reader(options.socket, keys);

    async::EventLoop loop;
    config::Settings settings;
    settings.usage_store = "redis:unix:" + options.socket;
    const auto store = usage::OpenUsageStore(loop, settings);
    scanner::ScanState state;
    const mail::MailboxLayout layout("%d/%u");
    scanner::Publisher publisher(loop, *store, state, layout, settings.reservation_grace,
                                 scanner::Patience::kShort);
    const Context redis = Connect(options.socket);
    Change(options, state, 0);
    Publish(loop, publisher, state);
    SetBarely(redis.get(), keys, 0);

    // As the service policyd-scan does. A job of a shell cannot leave the shell's session.
    setsid();
    scanner::LowerPriority(static_cast<int>(settings.scan_nice), "normal");
    std::vector<double> idle;
    std::vector<double> publishing;
    std::vector<double> setting;
    std::vector<double> publish_seconds;
    std::vector<double> set_seconds;
    for (int round = 1; round <= options.rounds; ++round) {
        Change(options, state, static_cast<std::uint64_t>(round));
        const auto resting = Clock::now();
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        const auto published = Clock::now();
        publish_seconds.push_back(Publish(loop, publisher, state).count());
        const auto settling = Clock::now();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        const auto set = Clock::now();
        set_seconds.push_back(
            SetBarely(redis.get(), keys, static_cast<std::uint64_t>(round)).count());
        const auto end = Clock::now();
        // The reading that had begun may still be under way.
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        Append(idle, reader.Took(resting, published));
        Append(publishing, reader.Took(published, settling));
        Append(setting, reader.Took(set, end));
    }
    std::printf(
        "%zu mailboxes: %.4f s published, %.4f s set; reader p50/p99 us: %.0f/%.0f idle, "
        "%.0f/%.0f published, %.0f/%.0f set\n",
        options.mailboxes, Quantile(publish_seconds, 0.5), Quantile(set_seconds, 0.5),
        Quantile(idle, 0.5), Quantile(idle, 0.99), Quantile(publishing, 0.5),
        Quantile(publishing, 0.99), Quantile(setting, 0.5), Quantile(setting, 0.99));
}

int Main(int argc, char** argv) {
    CLI::App app("Times how figures are written to Redis, beside bare HSETs.");
    Options options;
    app.add_option("--redis", options.socket, "UNIX socket; it is written to")->required();
    app.add_option("--mailboxes", options.mailboxes)->capture_default_str();
    app.add_option("--domains", options.domains)->capture_default_str();
    app.add_option("--rounds", options.rounds)->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        Measure(options);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "policyd-usage-writes: %s\n", failure.what());
        return 1;
    }
    return 0;
}

}  // namespace

}  // namespace policyd::loadtest::writes

int main(int argc, char** argv) {
    return policyd::loadtest::writes::Main(argc, argv);
}
