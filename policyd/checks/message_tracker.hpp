#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/recipients/mailbox.hpp"

namespace policyd::checks {

/// One recipient of a message that was let pass at its RCPT.
struct TrackedRecipient {
    std::string recipient;  ///< case-folded: Postfix delivers one copy however it was typed
    std::shared_ptr<const recipients::Resolution> resolution;
    /// It is what the tables said before an outage: nobody is refused for good by its limits.
    bool is_stale = false;
    /// Room was reserved, or is just being, and has not been handed out to be given back.
    bool holds = false;
    std::uint64_t asked = 1;  ///< how often: a client may name it twice, and Postfix may ask again
};

/// Ties the RCPT requests of one message to its END-OF-MESSAGE, for all threads of the process:
/// Postfix may send them over different connections, and names no recipient at the end of a
/// message that has several.
///
/// A message is named by the Postfix host and the attribute `instance`. What is remembered is an
/// upper bound: a later restriction of Postfix may have refused a recipient. Messages that nobody
/// asks about for the expiry time are forgotten, and the oldest ones when there are too many, or
/// too many recipients of all together: what those hold is free again with the next scan. Of
/// what a message holds each reservation is handed out once to be given back, however many
/// connections asked about it. Every call may be made by any thread.
class MessageTracker {
public:
    using Milliseconds = std::chrono::milliseconds;

    /// By default a message may have fifty times as many recipients as Postfix lets it have
    /// (smtpd_recipient_limit), which sites raise; and all have half a million with short names.
    MessageTracker(std::size_t most_messages, Milliseconds expiry,
                   std::size_t most_recipients = 50'000, std::size_t most_weight = 256'000'000);

    /// What Postfix tells of the messages of one transaction together: it goes on counting those
    /// that were refused at their end.
    struct Told {
        std::uint64_t recipients = 0;
        std::uint64_t bytes = 0;
    };

    struct Remembered {
        std::uint64_t asked = 1;          ///< how often; 0: the message has too many others
        std::uint64_t refused_bytes = 0;  ///< see RefusedBefore()
        /// What the tables said of it before, if that was not the same object.
        std::shared_ptr<const recipients::Resolution> before{};
    };
    /// Adds a recipient to a message; the same one again counts as asked once more, and goes by
    /// what the tables say of it now. `asked_at` is monotonic.
    Remembered Remember(std::string_view message, TrackedRecipient recipient,
                        Milliseconds asked_at);

    /// The recipient was refused. One that was asked about before stays, once less: it was accepted
    /// then, and if Postfix asked again because it missed that answer, holds what is to be given
    /// back with the message.
    void ForgetOnce(std::string_view message, std::string_view recipient);

    /// The recipients of a message, in the order in which they were asked; empty if it is unknown.
    std::vector<TrackedRecipient> Recipients(std::string_view message, Milliseconds now);

    /// Whether the recipient holds room for a message that is under way: that has neither come to
    /// its end nor lost its connection since the recipient was asked about.
    bool Expects(std::string_view message, std::string_view recipient) const;

    /// Takes out those of the recipients that hold room for the message by now: what they held
    /// before was handed out, and they were asked about again since.
    void LeaveOutExpected(std::string_view message,
                          std::vector<TrackedRecipient>& recipients) const;

    /// The end of the message, if it is known, decides what it holds, whatever becomes of its
    /// connections.
    void Settle(std::string_view message);

    /// The message was refused at its end, where Postfix told that of it. Its recipients stay
    /// known, as Postfix asks about the end again if it missed the answer; but a recipient that it
    /// asks about from now on is the first of another message, for which Postfix goes on with the
    /// same instance. One that it asked about before, to which an answer was too long in coming, is
    /// not.
    void Refuse(std::string_view message, Told told, Milliseconds now);

    /// What Postfix tells of a message that belongs to those refused before it.
    Told RefusedBefore(std::string_view message) const;

    /// Forgets a message. Returns the recipients that hold room if it was not settled: it was
    /// refused, aborted or replaced, and what was reserved for it is free again.
    std::vector<TrackedRecipient> End(std::string_view message);

    /// A connection that asked about the message is gone: returns what End() would, and they hold
    /// nothing from now on. The recipients stay known: Postfix may go on with the message over
    /// another connection, and asks about its end again there if it missed the answer.
    std::vector<TrackedRecipient> Leave(std::string_view message);

    std::size_t Size() const;

private:
    /// The name of a message, hashed once for all that a call does with it.
    struct Key {
        explicit Key(std::string_view message)
            : Key(message, std::hash<std::string_view>()(message)) {}
        Key(std::string_view message, std::size_t hashed) : name(message), hash(hashed) {}
        bool operator==(const Key& other) const noexcept { return name == other.name; }

        std::string_view name;
        std::size_t hash;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const noexcept { return key.hash; }
    };
    struct Message {
        std::string name;
        std::size_t hash = 0;
        std::vector<TrackedRecipient> recipients;
        std::size_t weight = 0;  ///< of the recipients
        bool settled = false;
        bool refused = false;
        Milliseconds refused_at{0};
        Told when_refused;    ///< what Postfix told then
        Told refused_before;  ///< the same of the message before it
        Milliseconds last_asked{0};
    };
    using Order = std::list<Message>;

    /// Moves the message to the front of the order, making it if it is new. Needs the lock.
    Message& Touch(const Key& key, Milliseconds now);
    void Erase(Order::iterator message);
    void Forget(std::vector<TrackedRecipient>::iterator recipient, Message& message);
    void ForgetAll(Message& message);

    const std::size_t most_messages_;
    const Milliseconds expiry_;
    const std::size_t most_recipients_;
    const std::size_t most_weight_;
    mutable std::mutex mutex_;
    Order order_;             // guarded by mutex_; most recently asked first
    Order spare_;             // guarded by mutex_; for the next new ones
    std::size_t weight_ = 0;  // guarded by mutex_; of all
    std::unordered_map<Key, Order::iterator, KeyHash> index_;  // guarded by mutex_
};

}  // namespace policyd::checks
