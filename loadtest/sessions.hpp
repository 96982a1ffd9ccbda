#pragma once

#include <deque>
#include <string>
#include <vector>

#include "loadtest/recipient_count.hpp"
#include "loadtest/scenario.hpp"

namespace policyd::loadtest {

/// Whole SMTP transactions, one after the other: RCPT for each recipient, then END-OF-MESSAGE with
/// the size that was received. Some recipients do not exist, some clients go away in the middle,
/// and what was deferred or broken off is tried again later under a new instance.
class SessionsScript final : public Script {
public:
    SessionsScript(const Setting& setting, Random random);
    const Question& Next() override;
    void Heard(Verdict verdict, bool passes) override;
    void NotAnswered() override;

private:
    /// A message that its client wants to get rid of.
    struct Message {
        ClientHost client;
        std::string sender;
        std::vector<Recipient> recipients;
        std::uint64_t size = 0;
        bool declares_size = false;
    };

    Message NewMessage();
    void StartTransaction();
    void AskAboutRecipient();
    void AskAboutEnd();
    void TryAgainLater(std::vector<Recipient> recipients);

    const Options& options_;
    Population& population_;
    Random random_;
    const RecipientCount recipient_count_;
    Question question_;
    Message message_;
    std::size_t asked_ = 0;  // recipients of message_ that the server was asked about
    std::vector<Recipient> accepted_;
    std::vector<Recipient> deferred_;
    bool under_way_ = false;
    std::size_t goes_away_after_ = 0;  // so many recipients; 0: the client stays to the end
    std::deque<Message> again_;        // to be retried, the oldest first
};

extern const Scenario kSessions;

}  // namespace policyd::loadtest
