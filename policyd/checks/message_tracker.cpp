#include "policyd/checks/message_tracker.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace policyd::checks {

namespace {

/// Messages that have ended are used again with the memory that they have.
constexpr std::size_t kMostSpare = 64;
constexpr std::size_t kMostSpareRecipients = 100;

/// About the bytes that a recipient takes, with what else is remembered of him for as long.
std::size_t WeightOf(const TrackedRecipient& recipient) {
    return 512 + recipient.recipient.size();
}

std::vector<TrackedRecipient>::iterator Find(std::vector<TrackedRecipient>& recipients,
                                             std::string_view recipient) {
    return std::find_if(recipients.begin(), recipients.end(),
                        [recipient](const auto& known) { return known.recipient == recipient; });
}

}  // namespace

MessageTracker::MessageTracker(std::size_t most_messages, Milliseconds expiry,
                               std::size_t most_recipients, std::size_t most_weight)
    : most_messages_(most_messages),
      expiry_(expiry),
      most_recipients_(most_recipients),
      most_weight_(most_weight) {}

MessageTracker::Remembered MessageTracker::Remember(std::string_view message,
                                                    TrackedRecipient recipient,
                                                    Milliseconds asked_at) {
    const std::lock_guard lock(mutex_);
    Message& asked = Touch(Key(message), asked_at);
    auto& recipients = asked.recipients;
    if (asked.refused && asked_at >= asked.refused_at) {
        ForgetAll(asked);
        asked.refused = asked.settled = false;
        asked.refused_before = asked.when_refused;
    }
    const std::uint64_t refused_bytes = asked.refused_before.bytes;
    const auto known = Find(recipients, recipient.recipient);
    if (known == recipients.end()) {
        if (recipients.size() >= most_recipients_) return {.asked = 0};
        recipients.push_back(std::move(recipient));
        const std::size_t weight = WeightOf(recipients.back());
        asked.weight += weight;
        weight_ += weight;
        while (weight_ > most_weight_ && order_.size() > 1) Erase(std::prev(order_.end()));
        return {recipients.back().asked, refused_bytes};
    }
    known->holds |= recipient.holds;
    known->is_stale = recipient.is_stale;
    Remembered remembered{++known->asked, refused_bytes};
    if (known->resolution != recipient.resolution)
        remembered.before = std::exchange(known->resolution, std::move(recipient.resolution));
    return remembered;
}

void MessageTracker::ForgetOnce(std::string_view message, std::string_view recipient) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(Key(message));
    if (found == index_.end()) return;
    Message& asked = *found->second;
    const auto refused = Find(asked.recipients, recipient);
    if (refused != asked.recipients.end() && --refused->asked == 0) Forget(refused, asked);
}

std::vector<TrackedRecipient> MessageTracker::Recipients(std::string_view message,
                                                         Milliseconds now) {
    const std::lock_guard lock(mutex_);
    const Key key(message);
    if (!index_.contains(key)) return {};
    return Touch(key, now).recipients;
}

bool MessageTracker::Expects(std::string_view message, std::string_view recipient) const {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(Key(message));
    if (found == index_.end() || found->second->settled) return false;
    auto& recipients = found->second->recipients;
    const auto known = Find(recipients, recipient);
    return known != recipients.end() && known->holds;
}

void MessageTracker::LeaveOutExpected(std::string_view message,
                                      std::vector<TrackedRecipient>& recipients) const {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(Key(message));
    if (found == index_.end() || found->second->settled) return;
    // The message may have many more than these.
    std::unordered_set<std::string_view> given;
    for (const TrackedRecipient& recipient : recipients) given.insert(recipient.recipient);
    std::unordered_set<std::string_view> expected;
    for (const TrackedRecipient& known : found->second->recipients)
        if (known.holds && given.contains(known.recipient)) expected.insert(known.recipient);
    std::erase_if(recipients, [&expected](const TrackedRecipient& recipient) {
        return expected.contains(recipient.recipient);
    });
}

void MessageTracker::Settle(std::string_view message) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(Key(message));
    if (found == index_.end()) return;
    found->second->settled = true;
    found->second->refused = false;
}

void MessageTracker::Refuse(std::string_view message, Told told, Milliseconds now) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(Key(message));
    if (found == index_.end()) return;
    found->second->refused = true;
    found->second->refused_at = now;
    found->second->when_refused = told;
}

MessageTracker::Told MessageTracker::RefusedBefore(std::string_view message) const {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(Key(message));
    return found == index_.end() ? Told() : found->second->refused_before;
}

std::vector<TrackedRecipient> MessageTracker::End(std::string_view message) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(Key(message));
    if (found == index_.end()) return {};
    const Order::iterator ended = found->second;
    std::vector<TrackedRecipient> unsettled;
    if (!ended->settled) unsettled.swap(ended->recipients);
    std::erase_if(unsettled, [](const auto& recipient) { return !recipient.holds; });
    Erase(ended);
    return unsettled;
}

std::vector<TrackedRecipient> MessageTracker::Leave(std::string_view message) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(Key(message));
    if (found == index_.end()) return {};
    const Order::iterator left = found->second;
    if (left->settled) return {};
    if (left->recipients.empty()) {
        Erase(left);
        return {};
    }
    std::vector<TrackedRecipient> unsettled;
    for (TrackedRecipient& recipient : left->recipients) {
        if (!recipient.holds) continue;
        unsettled.push_back(recipient);
        recipient.holds = false;
    }
    return unsettled;
}

std::size_t MessageTracker::Size() const {
    const std::lock_guard lock(mutex_);
    return index_.size();
}

MessageTracker::Message& MessageTracker::Touch(const Key& key, Milliseconds now) {
    while (!order_.empty() && order_.back().last_asked + expiry_ <= now)
        Erase(std::prev(order_.end()));
    const auto found = index_.find(key);
    if (found != index_.end()) {
        order_.splice(order_.begin(), order_, found->second);
    } else {
        if (order_.size() >= most_messages_) Erase(std::prev(order_.end()));
        if (spare_.empty()) spare_.emplace_front();
        order_.splice(order_.begin(), spare_, spare_.begin());
        Message& made = order_.front();
        made.name = key.name;
        made.hash = key.hash;
        index_.emplace(Key(made.name, made.hash), order_.begin());
    }
    order_.front().last_asked = now;
    return order_.front();
}

void MessageTracker::Forget(std::vector<TrackedRecipient>::iterator recipient, Message& message) {
    const std::size_t weight = WeightOf(*recipient);
    message.recipients.erase(recipient);
    message.weight -= weight;
    weight_ -= weight;
}

void MessageTracker::ForgetAll(Message& message) {
    message.recipients.clear();
    weight_ -= std::exchange(message.weight, 0);
}

void MessageTracker::Erase(Order::iterator message) {
    index_.erase(Key(message->name, message->hash));
    ForgetAll(*message);
    if (message->recipients.capacity() > kMostSpareRecipients) message->recipients.shrink_to_fit();
    message->settled = message->refused = false;
    message->when_refused = message->refused_before = {};
    spare_.splice(spare_.begin(), order_, message);
    if (spare_.size() > kMostSpare) spare_.pop_back();
}

}  // namespace policyd::checks
