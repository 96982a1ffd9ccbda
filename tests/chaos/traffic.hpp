#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "tests/chaos/books.hpp"
#include "tests/chaos/site.hpp"

namespace policyd::test {

/// Clients of Postfix, and one of policyd, that never rest until they are destroyed.
class Traffic {
public:
    Traffic(const Site& site, Books& books, unsigned seed);
    ~Traffic();
    Traffic(const Traffic&) = delete;
    Traffic& operator=(const Traffic&) = delete;

private:
    void SendMail(unsigned client, unsigned seed);
    void AskPolicyd();

    const Site& site_;
    Books& books_;
    std::atomic<bool> stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace policyd::test
