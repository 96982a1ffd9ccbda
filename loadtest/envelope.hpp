#pragma once

#include <cstdint>
#include <string>

#include "loadtest/options.hpp"
#include "loadtest/policy_attributes.hpp"
#include "loadtest/population.hpp"

namespace policyd::loadtest {

/// A name for a message such as smtpd(8) gives, unlike any other of this process and of others on
/// this host: process number, time and a counter, in hexadecimal.
std::string NewInstance();

/// Ten digits and letters as Postfix names queue files, from the counter of NewInstance().
std::string QueueIdOf(const std::string& instance);

/// A size between the smallest and the largest of the options; each order of magnitude is as
/// frequent as any other.
std::uint64_t ChooseSize(const Options& options, Random& random);

/// Begins a message: fills in who sends it, and from where; no recipient yet.
void StartMessage(PolicyAttributes& attributes, const ClientHost& client, std::string sender,
                  Random& random);

/// Turns the last question about a message into the one at its end. Of several recipients none is
/// named, as Postfix does.
void EndMessage(PolicyAttributes& attributes, std::uint64_t accepted_recipients,
                const std::string& last_accepted, std::uint64_t size);

}  // namespace policyd::loadtest
