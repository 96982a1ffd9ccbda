#include "loadtest/envelope.hpp"

#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <utility>

namespace policyd::loadtest {

namespace {

constexpr std::uint64_t kLowestPort = 1024;
constexpr std::uint64_t kPorts = 65536 - kLowestPort;

}  // namespace

std::string NewInstance() {
    static const auto started = std::chrono::duration_cast<std::chrono::microseconds>(
                                    std::chrono::system_clock::now().time_since_epoch())
                                    .count();
    static const int process = getpid();
    static unsigned counter = 0;
    char name[64];
    const int length =
        std::snprintf(name, sizeof name, "%x.%llx.%llx.%x", static_cast<unsigned>(process),
                      static_cast<unsigned long long>(started / 1'000'000),
                      static_cast<unsigned long long>(started % 1'000'000), counter++);
    return std::string(name, static_cast<std::size_t>(length));
}

std::string QueueIdOf(const std::string& instance) {
    const std::string counter = instance.substr(instance.rfind('.') + 1);
    std::string id = "0000000000" + counter;
    id.erase(0, id.size() - 10);
    for (char& c : id)
        if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
    return id;
}

std::uint64_t ChooseSize(const Options& options, Random& random) {
    const double smallest = std::log(static_cast<double>(options.smallest_message));
    const double largest = std::log(static_cast<double>(options.largest_message));
    return static_cast<std::uint64_t>(
        std::llround(std::exp(smallest + random.Share() * (largest - smallest))));
}

void StartMessage(PolicyAttributes& attributes, const ClientHost& client, std::string sender,
                  Random& random) {
    attributes = PolicyAttributes{};
    attributes.client_address = client.address;
    attributes.client_name = client.name;
    attributes.client_port = static_cast<std::uint16_t>(kLowestPort + random.Below(kPorts));
    attributes.helo_name = client.name;
    attributes.sender = std::move(sender);
    attributes.instance = NewInstance();
}

void EndMessage(PolicyAttributes& attributes, std::uint64_t accepted_recipients,
                const std::string& last_accepted, std::uint64_t size) {
    attributes.stage = "END-OF-MESSAGE";
    attributes.recipient = accepted_recipients == 1 ? last_accepted : std::string();
    attributes.recipient_count = accepted_recipients;
    attributes.size = size;
}

}  // namespace policyd::loadtest
