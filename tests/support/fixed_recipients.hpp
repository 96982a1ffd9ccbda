#pragma once

#include <chrono>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>

#include "common/recipients/recipient_cache.hpp"

namespace policyd::test {

/// Recipients that are what a test says they are, for unit tests of what asks for them.
class FixedRecipients final : public recipients::RecipientResolver {
public:
    using Resolution = recipients::Resolution;

    /// All are remembered for `fresh`; known ones serve while the tables are down.
    explicit FixedRecipients(std::chrono::milliseconds fresh = std::chrono::milliseconds(0))
        : cache_(recipients::MakeRecipientCache(*this, Times(fresh),
                                                [] { return std::chrono::milliseconds(0); })) {}

    /// `recipient` goes to these mailboxes, each with this limit in bytes; to one that is named
    /// again as many copies of its mail go.
    void Add(const std::string& recipient, std::initializer_list<const char*> mailboxes,
             std::uint64_t quota_bytes, std::uint64_t domain_quota_bytes = 0,
             std::uint64_t domain_quota_messages = 0, std::uint64_t quota_messages = 0) {
        Resolution resolution;
        resolution.kind = Resolution::Kind::kKnown;
        for (const char* const name : mailboxes) {
            if (!resolution.mailboxes.empty() && resolution.mailboxes.back().name == name) {
                ++resolution.mailboxes.back().copies;
                continue;
            }
            recipients::Mailbox mailbox;
            mailbox.name = name;
            mailbox.address = name;
            mailbox.quota_bytes = quota_bytes;
            mailbox.quota_messages = quota_messages;
            mailbox.domain_quota_bytes = domain_quota_bytes;
            mailbox.domain_quota_messages = domain_quota_messages;
            resolution.mailboxes.push_back(mailbox);
        }
        known_[recipient] = resolution;
    }

    /// Some of its mail also leaves for another system.
    void LeadElsewhereToo(const std::string& recipient) { known_[recipient].any_elsewhere = true; }

    void AddUnknown(const std::string& recipient) {
        known_[recipient].kind = Resolution::Kind::kUnknown;
    }

    void AddDeferred(const std::string& recipient) {
        known_[recipient].kind = Resolution::Kind::kDeferred;
    }

    bool down = false;
    std::string broken = "\n";  ///< mailboxes that begin so have limits that are no numbers

    int asked = 0;

    async::Task<Resolution> Resolve(std::string_view recipient) override {
        ++asked;
        if (down) throw outage::TableUnavailable("the table is down");
        const auto found = known_.find(std::string(recipient));
        co_return found == known_.end() ? Resolution() : found->second;
    }

    async::Task<recipients::Mailbox> LimitsOf(std::string_view name) override {
        if (down || name.starts_with(broken)) throw outage::TableUnavailable("the table is down");
        recipients::Mailbox found;
        found.name = name;
        for (const auto& [recipient, resolution] : known_)
            for (const recipients::Mailbox& mailbox : resolution.mailboxes)
                if (mailbox.name == name) found = mailbox;
        co_return found;
    }

    recipients::RecipientCache& Cache() { return *cache_; }

private:
    static recipients::CacheTimes Times(std::chrono::milliseconds fresh) {
        recipients::CacheTimes times;
        times.positive = times.negative = fresh;
        times.longest_stale = std::chrono::hours(1);
        return times;
    }

    std::map<std::string, Resolution> known_;
    std::unique_ptr<recipients::RecipientCache> cache_;
};

}  // namespace policyd::test
