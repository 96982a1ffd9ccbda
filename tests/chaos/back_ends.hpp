#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/chaos/faults.hpp"
#include "tests/support/mariadb_server.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

/// MariaDB with the users of example.com, and Redis with their usage.
class BackEnds {
public:
    static constexpr int kUsers = 20;

    BackEnds();

    static std::string User(int number) { return "user" + std::to_string(number); }
    /// In bytes. Some are so small that they fill up soon.
    static std::uint64_t LimitOf(int number);

    /// The options of policyd that lead here.
    std::string Options() const;
    /// What can happen to them.
    std::vector<Fault> Faults();

private:
    void WriteTable(const std::string& name, const std::string& query) const;

    ScratchDirectory scratch_;
    MariaDbServer database_;
    RedisServer redis_;
};

}  // namespace policyd::test
