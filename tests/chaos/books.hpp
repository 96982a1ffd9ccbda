#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/smtp_client.hpp"

namespace policyd::test {

/// What the clients of a chaos run saw, to be compared with what is on the disk at its end. Every
/// call may be made by any thread.
class Books {
public:
    using Milliseconds = std::chrono::milliseconds;

    /// A message of `bytes`, as they are sent, is about to ask for room in the user's mailbox.
    void NoteAsking(const std::string& user, std::uint64_t limit, std::uint64_t bytes);
    /// The reply to its RCPT; `user` is empty for somebody who does not exist.
    void NoteRcpt(const std::string& user, const SmtpReply& reply, Milliseconds waited);
    /// The reply to the end of a message that went to these users.
    void NoteEnd(const std::string& message, const std::vector<std::string>& users,
                 const SmtpReply& reply, Milliseconds waited);
    /// A session that ended without the reply that was waited for: its message may be there or not.
    void NoteBrokenSession(const std::string& message);
    /// An answer of policyd itself, while nothing was done to it.
    void NoteAnswer(Milliseconds waited);

    /// Compares with what is in the mailboxes below `mail_store`, prints all of it, and returns
    /// whether it balances.
    bool Balance(const std::filesystem::path& mail_store) const;

private:
    using Copy = std::pair<std::string, std::string>;  // a user, and a message

    /// Whether it would be full if all that ever asked for room in it had got there.
    bool MayBeFull(const std::string& user) const;  // needs the lock
    void NoteReply(const char* command, const SmtpReply& reply, Milliseconds waited);

    mutable std::mutex mutex_;  // guards everything below
    std::set<Copy> accepted_;
    std::set<std::string> unsure_;  // messages
    /// What all messages that have asked so far could have put into a mailbox, and its limit.
    std::map<std::string, std::uint64_t> most_bytes_;
    std::map<std::string, std::uint64_t> limits_;
    std::map<std::pair<std::string, int>, std::uint64_t> replies_;
    std::vector<std::string> wrong_;
    Milliseconds longest_reply_{0};
    Milliseconds longest_answer_{0};
    std::uint64_t answers_ = 0;
    std::uint64_t broken_sessions_ = 0;
};

}  // namespace policyd::test
