#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "loadtest/expectation.hpp"
#include "loadtest/name_list.hpp"
#include "loadtest/options.hpp"
#include "loadtest/popularity.hpp"

namespace policyd::loadtest {

/// Behind it the newcomers of two seeds would be the same people.
inline constexpr std::uint64_t kMostSeed = 10'000'000'000;

/// A recipient, and what the server should answer to it; null if nobody said.
struct Recipient {
    std::string address;
    const Expectation* expected = nullptr;
};

struct ClientHost {
    std::string address;
    std::string name;
};

/// Who writes to whom: the recipients, senders and clients of a run, chosen as its options say.
/// Expectations that it hands out live as long as it does. One thread's.
class Population {
public:
    /// Throws std::runtime_error, naming the option, if a list cannot be read.
    explicit Population(const Options& options);
    Population(const Population&) = delete;
    Population& operator=(const Population&) = delete;

    Recipient ChooseRecipient(Random& random) const;
    std::string ChooseSender(Random& random) const;
    ClientHost ChooseClient(Random& random) const;

    /// The one mailbox that everybody writes to.
    Recipient Victim() const;

    /// Nobody, in a domain that exists.
    Recipient UnknownRecipient(Random& random) const;

    /// Someone whom this run has not met before: recipients in a shuffled order, each once before
    /// any comes again; senders and clients without end.
    Recipient NewRecipient();
    std::string NewSender();
    ClientHost NewClient();

    const NameList& Recipients() const noexcept { return recipients_; }
    /// What the server should answer to END-OF-MESSAGE; null if nobody said.
    const Expectation* ExpectedAtEnd() const noexcept { return at_end_; }

private:
    const Expectation* Expect(const std::string& text);
    Recipient RecipientAt(std::uint64_t place) const;
    ClientHost ClientAt(std::uint64_t place) const;

    NameList recipients_;
    NameList senders_;
    NameList clients_;
    Popularity recipient_choice_;
    Popularity sender_choice_;
    Popularity client_choice_;
    std::map<std::string, Expectation, std::less<>> expectations_;
    const Expectation* of_everybody_ = nullptr;
    const Expectation* of_unknown_ = nullptr;
    const Expectation* at_end_ = nullptr;
    Recipient victim_;
    std::uint64_t first_new_ = 0;  // the run's own place among all newcomers
    std::uint64_t new_recipients_ = 0;
    std::uint64_t new_senders_ = 0;
    std::uint64_t new_clients_ = 0;
    std::uint64_t stride_ = 1;  // without a divisor in common with the number of recipients
};

}  // namespace policyd::loadtest
