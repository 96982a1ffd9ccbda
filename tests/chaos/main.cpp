// A real Postfix under constant load while MariaDB, Redis, policyd and policyd-scan are killed,
// hung, restarted and maltreated at random; then the books: nothing refused for good that the
// tables do not justify, no accepted message lost, nobody kept waiting beyond the budget, the
// stored usage what is on the disk.
//
//     policyd-chaos SECONDS [SEED]

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "tests/chaos/traffic.hpp"

namespace policyd::test {
namespace {

int Chaos(std::chrono::seconds length, unsigned seed) {
    std::printf("policyd-chaos %lld %u\n", static_cast<long long>(length.count()), seed);
    Site site;
    Books books;
    const std::vector<Fault> faults = site.Faults();
    std::minstd_rand random(seed);
    {
        const Traffic traffic(site, books, seed);
        const auto end = std::chrono::steady_clock::now() + length;
        while (std::chrono::steady_clock::now() < end) {
            Disturb(faults, random);
            std::this_thread::sleep_for(std::chrono::milliseconds(random() % 2'000));
        }
    }
    site.Settle();
    const bool balanced = books.Balance(site.Postfix().MailStore());
    const bool right = site.UsageIsRight();
    std::puts(balanced && right ? "the books are balanced" : "THE BOOKS ARE NOT BALANCED");
    return balanced && right ? 0 : 1;
}

}  // namespace
}  // namespace policyd::test

int main(int argc, char** argv) {
    const int seconds = argc > 1 ? std::atoi(argv[1]) : 0;
    if (seconds <= 0) {
        std::fputs("policyd-chaos SECONDS [SEED]\n", stderr);
        return 64;
    }
    const unsigned seed = argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10))
                                   : std::random_device{}();
    try {
        return policyd::test::Chaos(std::chrono::seconds(seconds), seed);
    } catch (const std::exception& failure) {
        std::printf("%s\n", failure.what());
        return 70;
    }
}
