#include "tests/chaos/faults.hpp"

#include <chrono>
#include <cstdio>
#include <thread>

namespace policyd::test {

void Disturb(const std::vector<Fault>& faults, std::minstd_rand& random) {
    const std::chrono::milliseconds length(200 + random() % 2'800);
    const Fault& first = faults[random() % faults.size()];
    const Fault& second = faults[random() % faults.size()];
    const bool both = second.victim != first.victim && random() % 3 == 0;
    std::printf("  %s%s%s, %.1f s\n", first.name.c_str(), both ? " and " : "",
                both ? second.name.c_str() : "", static_cast<double>(length.count()) / 1000);
    std::fflush(stdout);
    first.begin();
    if (both) second.begin();
    std::this_thread::sleep_for(length);
    first.end();
    if (both) second.end();
}

}  // namespace policyd::test
