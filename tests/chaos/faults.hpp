#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

namespace policyd::test {

/// Something that breaks for a while: `begin` breaks it, `end` puts it right again.
struct Fault {
    std::string name;    ///< "redis hangs"
    std::string victim;  ///< of faults with the same victim, one happens at a time
    std::function<void()> begin;
    std::function<void()> end;
};

/// Breaks one thing, now and then two things at once, for up to three seconds, and puts them
/// right again. Says on standard output what it does.
void Disturb(const std::vector<Fault>& faults, std::minstd_rand& random);

}  // namespace policyd::test
