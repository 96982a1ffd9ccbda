// Very many requests to one policyd while its back ends are killed, hung and maltreated at random:
// every answer comes in time and refuses nothing for good that exists, and memory and descriptors
// do not grow.
//
//     policyd-soak REQUESTS [SEED]

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "tests/chaos/back_ends.hpp"
#include "tests/support/policy_client.hpp"
#include "tests/support/policyd_process.hpp"

namespace policyd::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr unsigned kClients = 6;
constexpr int kSamples = 15;
/// request_time_limit is 2 s; the rest is for a machine that is busy with the clients and servers.
constexpr milliseconds kLongestAnswer{4'000};

/// What the clients saw, all together.
struct Answers {
    std::atomic<std::uint64_t> count = 0;
    std::atomic<std::uint64_t> deferred = 0;
    std::atomic<std::int64_t> longest = 0;  // ms
    std::mutex mutex;
    std::vector<std::string> wrong;  // guarded by mutex
};

/// One connection's worth of messages, each with its RCPT and its END-OF-MESSAGE.
class Smtpd {
public:
    Smtpd(const std::filesystem::path& socket, Answers& answers, std::minstd_rand& random)
        : client_(socket), answers_(answers), random_(random) {}

    void Deliver(const std::string& instance) {
        const int number = static_cast<int>(random_() % BackEnds::kUsers);
        const bool exists = random_() % 4 != 0;
        const std::string recipient =
            (exists ? BackEnds::User(number) : "nobody" + std::to_string(random_())) +
            "@example.com";
        const std::string size = std::to_string(random_() % 5'000);
        for (const char* stage : {"RCPT", "END-OF-MESSAGE"}) {
            const std::string action = Ask(stage, recipient, size, instance);
            const bool may_be_refused = !exists || action.starts_with("552 ");
            if (action.starts_with('5') && !may_be_refused) Blame(recipient + ": " + action);
            if (action.starts_with("DEFER") || action.starts_with('4')) ++answers_.deferred;
            if (action != "DUNNO") return;
        }
    }

private:
    std::string Ask(const char* stage, const std::string& recipient, const std::string& size,
                    const std::string& instance) {
        const auto began = Clock::now();
        std::string action = client_.Ask(RequestText({{"protocol_state", stage},
                                                      {"recipient", recipient},
                                                      {"recipient_count", "1"},
                                                      {"sender", "a@elsewhere.example"},
                                                      {"client_address", "192.0.2.1"},
                                                      {"instance", instance},
                                                      {"size", size}}));
        const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - began).count();
        for (std::int64_t longest = answers_.longest;
             took > longest && !answers_.longest.compare_exchange_weak(longest, took);) {
        }
        ++answers_.count;
        return action;
    }

    void Blame(std::string wrong) {
        const std::lock_guard lock(answers_.mutex);
        answers_.wrong.push_back(std::move(wrong));
    }

    PolicyClient client_;
    Answers& answers_;
    std::minstd_rand& random_;
};

void Load(const std::filesystem::path& socket, Answers& answers, unsigned client, unsigned seed,
          const std::atomic<bool>& stopping) {
    constexpr unsigned kMessagesOfOneConnection = 500;
    std::minstd_rand random(seed + client);
    for (unsigned connection = 0; !stopping; ++connection) {
        Smtpd smtpd(socket, answers, random);
        for (unsigned i = 0; i < kMessagesOfOneConnection && !stopping; ++i)
            smtpd.Deliver(std::to_string(client) + '.' + std::to_string(connection) + '.' +
                          std::to_string(i));
    }
}

/// Memory and descriptors, the least of what is seen in a calm second: what is held for good.
struct Footprint {
    std::size_t kilobytes = 0;
    std::size_t descriptors = 0;
};

Footprint Calm(const PolicydProcess& policyd) {
    Footprint least{policyd.Memory() / 1024, policyd.Descriptors()};
    for (int i = 0; i < 20; ++i) {
        std::this_thread::sleep_for(milliseconds(50));
        least.kilobytes = std::min(least.kilobytes, policyd.Memory() / 1024);
        least.descriptors = std::min(least.descriptors, policyd.Descriptors());
    }
    return least;
}

int Verdict(const std::vector<Footprint>& footprints, const Answers& answers) {
    // Caches fill up first, and what is kept of the last half minute comes and goes with the load:
    // memory grows where even the least of the last third is above the most of the second.
    const auto less = [](const Footprint& a, const Footprint& b) {
        return a.kilobytes < b.kilobytes;
    };
    const auto third = static_cast<std::ptrdiff_t>(footprints.size() / 3);
    const auto second =
        std::max_element(footprints.begin() + third, footprints.end() - third, less);
    const auto last = std::min_element(footprints.end() - third, footprints.end(), less);
    constexpr std::size_t kNoise = 1'024;
    const bool flat = last->kilobytes <= second->kilobytes + kNoise &&
                      footprints.back().descriptors <= footprints.at(0).descriptors + 4;
    for (const std::string& wrong : answers.wrong) std::printf("wrong: %s\n", wrong.c_str());
    std::printf("%s, %zu wrong answers, longest wait %.1f s\n", flat ? "flat" : "GROWING",
                answers.wrong.size(), static_cast<double>(answers.longest) / 1000);
    return flat && answers.wrong.empty() && answers.longest <= kLongestAnswer.count() ? 0 : 1;
}

int Soak(std::uint64_t requests, unsigned seed) {
    std::printf("policyd-soak %ju %u\n", static_cast<std::uintmax_t>(requests), seed);
    const ScratchDirectory scratch;
    BackEnds back_ends;
    const std::filesystem::path socket = scratch / "policy.sock";
    const auto config = scratch.Write(
        "policyd.toml", "listen = \"unix:" + socket.string() + "\"\n" + back_ends.Options() +
                            "request_time_limit = \"2s\"\ncache_size = 1000\n");
    PolicydProcess policyd(config, socket);
    Answers answers;
    std::atomic<bool> stopping = false;
    std::vector<std::thread> clients;
    for (unsigned i = 1; i <= kClients; ++i)
        clients.emplace_back([&, i] { Load(socket, answers, i, seed, stopping); });

    const std::vector<Fault> faults = back_ends.Faults();
    std::minstd_rand random(seed);
    std::vector<Footprint> footprints;
    const auto began = Clock::now();
    for (int sample = 1; sample <= kSamples; ++sample) {
        while (answers.count < requests * static_cast<unsigned>(sample) / kSamples) {
            Disturb(faults, random);
            std::this_thread::sleep_for(milliseconds(random() % 2'000));
        }
        footprints.push_back(Calm(policyd));
        std::printf("%5.0f s  %9ju requests, %ju deferred  %6zu kB  %zu descriptors\n",
                    std::chrono::duration<double>(Clock::now() - began).count(),
                    static_cast<std::uintmax_t>(answers.count.load()),
                    static_cast<std::uintmax_t>(answers.deferred.load()),
                    footprints.back().kilobytes, footprints.back().descriptors);
        std::fflush(stdout);
    }
    stopping = true;
    for (std::thread& client : clients) client.join();
    return Verdict(footprints, answers);
}

}  // namespace
}  // namespace policyd::test

int main(int argc, char** argv) {
    const std::uint64_t requests = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 0;
    if (requests == 0) {
        std::fputs("policyd-soak REQUESTS [SEED]\n", stderr);
        return 64;
    }
    const unsigned seed = argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10))
                                   : std::random_device{}();
    return policyd::test::Soak(requests, seed);
}
