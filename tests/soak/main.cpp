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
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/chaos/back_ends.hpp"
#include "tests/support/policy_client.hpp"
#include "tests/support/policyd_process.hpp"

namespace policyd::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr unsigned kClients = 6;
constexpr std::uint64_t kSamples = 8;  // of each part
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

/// Clients that never rest until they are destroyed, each over one connection after the other.
class Load {
public:
    Load(std::filesystem::path socket, Answers& answers, std::string name, unsigned seed)
        : socket_(std::move(socket)), answers_(answers), name_(std::move(name)) {
        for (unsigned client = 1; client <= kClients; ++client)
            clients_.emplace_back([this, client, seed] { Deliver(client, seed); });
    }
    ~Load() {
        stopping_ = true;
        for (std::thread& client : clients_) client.join();
    }
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

private:
    void Deliver(unsigned client, unsigned seed) {
        constexpr unsigned kMessagesOfOneConnection = 500;
        std::minstd_rand random(seed + client);
        for (unsigned connection = 0; !stopping_; ++connection) {
            Smtpd smtpd(socket_, answers_, random);
            for (unsigned i = 0; i < kMessagesOfOneConnection && !stopping_; ++i)
                smtpd.Deliver(name_ + '.' + std::to_string(client) + '.' +
                              std::to_string(connection) + '.' + std::to_string(i));
        }
    }

    const std::filesystem::path socket_;
    Answers& answers_;
    const std::string name_;
    std::atomic<bool> stopping_ = false;
    std::vector<std::thread> clients_;
};

struct Footprint {
    std::size_t resident_kilobytes = 0;
    std::size_t heap_kilobytes = 0;  ///< what is in use, by malloc's count
    std::size_t descriptors = 0;
};

/// policyd, its back ends and what is done to them.
class Soak {
public:
    explicit Soak(unsigned seed) : seed_(seed), random_(seed) {
        const auto config = scratch_.Write(
            "policyd.toml",
            "listen = \"unix:" + socket_.string() +
                "\"\nmetrics_listen = \"inet:" + "127.0.0.1:" + std::to_string(metrics_port_) +
                "\"\n" + back_ends_.Options() + "request_time_limit = \"2s\"\ncache_size = 1000\n");
        policyd_.emplace(config, socket_);
    }

    /// Puts requests while things fail until there were this many in all.
    void Disturbed(const std::string& name, std::uint64_t requests) {
        const std::uint64_t before = answers_.count;
        const Load load(socket_, answers_, name, seed_);
        for (std::uint64_t sample = 1; sample <= kSamples; ++sample) {
            while (answers_.count < before + (requests - before) * sample / kSamples) {
                Disturb(faults_, random_);
                std::this_thread::sleep_for(milliseconds(random_() % 2'000));
            }
            Print("", Now());
        }
    }

    /// What is held for good: the least while next to nothing is asked, after Redis was told of all
    /// that it missed, and what is kept of the last half minute has gone, which goes as other
    /// messages come.
    Footprint Quiet(const std::string& name) {
        constexpr std::chrono::seconds kUntilForgotten{40};
        constexpr std::chrono::seconds kLook{5};
        std::minstd_rand random(seed_);
        Footprint least = Now();
        auto began = Clock::now();
        for (unsigned i = 0; Clock::now() - began < kUntilForgotten + kLook; ++i) {
            // A connection for each, so that every thread gets some.
            Smtpd(socket_, answers_, random).Deliver(name + '.' + std::to_string(i));
            std::this_thread::sleep_for(milliseconds(20));
            if (Metric("policyd_owed_changes") > 0) began = Clock::now();
            if (Clock::now() - began < kUntilForgotten) continue;
            const Footprint now = Now();
            least.resident_kilobytes = std::min(least.resident_kilobytes, now.resident_kilobytes);
            least.heap_kilobytes = std::min(least.heap_kilobytes, now.heap_kilobytes);
            least.descriptors = std::min(least.descriptors, now.descriptors);
        }
        Print("  at rest", least);
        return least;
    }

    const Answers& Seen() const { return answers_; }

private:
    double Metric(const std::string& name) const {
        const std::string metrics = HttpGet(metrics_port_, "/metrics").body;
        const std::string before = '\n' + name + ' ';
        const std::size_t found = metrics.find(before);
        if (found == std::string::npos) throw std::runtime_error("no " + name + ": " + metrics);
        return std::stod(metrics.substr(found + before.size()));
    }

    Footprint Now() const {
        return {policyd_->Memory() / 1024,
                static_cast<std::size_t>(Metric("policyd_heap_bytes")) / 1024,
                policyd_->Descriptors()};
    }

    void Print(const char* what, const Footprint& footprint) const {
        std::printf(
            "%5.0f s  %9ju requests, %ju deferred  %6zu kB, %6zu kB of them in use  %zu "
            "descriptors%s\n",
            std::chrono::duration<double>(Clock::now() - began_).count(),
            static_cast<std::uintmax_t>(answers_.count.load()),
            static_cast<std::uintmax_t>(answers_.deferred.load()), footprint.resident_kilobytes,
            footprint.heap_kilobytes, footprint.descriptors, what);
        std::fflush(stdout);
    }

    const unsigned seed_;
    std::minstd_rand random_;
    const ScratchDirectory scratch_;
    BackEnds back_ends_;
    const std::vector<Fault> faults_ = back_ends_.Faults();
    const std::filesystem::path socket_ = scratch_ / "policy.sock";
    const int metrics_port_ = FreePort();
    std::optional<PolicydProcess> policyd_;
    Answers answers_;
    const Clock::time_point began_ = Clock::now();
};

/// Caches are full after the first third, and all that has a bound has been near it.
bool IsFlat(const Footprint& first, const Footprint& last) {
    // The tables in which what was reserved lately is found keep their size when that is gone. They
    // end at two threads times 172,933 places of 8 bytes; a byte or two for each request is more.
    constexpr std::size_t kTables = 2'048;
    return first.heap_kilobytes > 0 && last.heap_kilobytes <= first.heap_kilobytes + kTables &&
           last.descriptors <= first.descriptors + 4;
}

int RunSoak(std::uint64_t requests, unsigned seed) {
    std::printf("policyd-soak %ju %u\n", static_cast<std::uintmax_t>(requests), seed);
    Soak soak(seed);
    soak.Disturbed("first", requests / 3);
    const Footprint first = soak.Quiet("first-rest");
    soak.Disturbed("second", requests);
    const Footprint last = soak.Quiet("second-rest");
    const bool is_flat = IsFlat(first, last);
    const Answers& answers = soak.Seen();
    for (const std::string& wrong : answers.wrong) std::printf("wrong: %s\n", wrong.c_str());
    std::printf("%s, %zu wrong answers, longest wait %.1f s\n", is_flat ? "flat" : "GROWING",
                answers.wrong.size(), static_cast<double>(answers.longest) / 1000);
    return is_flat && answers.wrong.empty() && answers.longest <= kLongestAnswer.count() ? 0 : 1;
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
    return policyd::test::RunSoak(requests, seed);
}
