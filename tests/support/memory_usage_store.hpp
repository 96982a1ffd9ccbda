#pragma once

#include <map>
#include <string>

#include "common/usage/usage_store.hpp"

namespace policyd::test {

/// A usage store in memory, for unit tests of what uses one. `down` makes every call fail.
class MemoryUsageStore final : public usage::UsageStore {
public:
    struct Entry {
        usage::Usage measured;
        std::map<std::string, std::uint64_t> reservations;  // bytes by id
    };

    std::map<std::string, Entry, std::less<>> entries;
    bool down = false;
    int calls = 0;

    void Measure(const std::string& mailbox, std::uint64_t bytes, std::uint64_t messages = 1) {
        usage::Usage& measured = entries[mailbox].measured;
        measured.bytes = bytes;
        measured.messages = messages;
        measured.measured_at = text::WallTime();
    }

    /// The bytes that `mailbox` has reserved in all.
    std::uint64_t ReservedIn(std::string_view mailbox) const {
        const auto found = entries.find(mailbox);
        std::uint64_t sum = 0;
        if (found != entries.end())
            for (const auto& [id, bytes] : found->second.reservations) sum += bytes;
        return sum;
    }

    async::Task<text::WallTime> Now() override {
        Called();
        co_return text::WallTime();
    }

    async::Task<std::optional<usage::Usage>> Find(std::string_view mailbox) override {
        Called();
        const auto found = entries.find(mailbox);
        if (found == entries.end()) co_return std::nullopt;
        co_return With(found->second, "");
    }

    async::Task<std::optional<usage::Usage>> FindDomain(std::string_view domain) override {
        Called();
        co_return OfDomain(domain, "");
    }

    async::Task<usage::Reserved> Reserve(const usage::Reservation& reservation) override {
        Called();
        usage::Reserved reserved;
        const std::uint64_t size = std::max<std::uint64_t>(reservation.bytes, 1);
        for (std::size_t i = 0; i < reservation.limits.size(); ++i) {
            const usage::Limit& limit = reservation.limits[i];
            const usage::Usage usage = With(entries[limit.mailbox], reservation.id);
            const bool bytes_fit =
                limit.bytes == 0 || usage.bytes + usage.reserved_bytes + size <= limit.bytes;
            const bool messages_fit =
                limit.messages == 0 ||
                usage.messages + usage.reserved_messages + 1 <= limit.messages;
            if (!bytes_fit || !messages_fit) reserved.full.push_back(i);
            reserved.usage.push_back(usage);
        }
        for (std::size_t i = 0; i < reservation.domain_limits.size(); ++i) {
            const usage::DomainLimit& limit = reservation.domain_limits[i];
            const usage::Usage usage = OfDomain(limit.domain, reservation.id);
            std::uint64_t more = 0;
            for (const usage::Limit& mailbox : reservation.limits)
                if (usage::DomainOf(mailbox.mailbox) == limit.domain) more += size;
            if (limit.bytes != 0 && usage.bytes + usage.reserved_bytes + more > limit.bytes)
                reserved.full_domains.push_back(i);
            reserved.domain_usage.push_back(usage);
        }
        if (reserved.IsGranted() || reservation.force)
            for (const usage::Limit& limit : reservation.limits)
                entries[limit.mailbox].reservations[reservation.id] = reservation.bytes;
        if (reservation.force) {
            reserved.full.clear();
            reserved.full_domains.clear();
        }
        co_return reserved;
    }

    async::Task<void> Release(std::string_view id,
                              std::span<const std::string> mailboxes) override {
        Called();
        for (const std::string& mailbox : mailboxes)
            entries[mailbox].reservations.erase(std::string(id));
        co_return;
    }

    async::Task<void> Commit(std::span<const usage::Measurement> measurements,
                             std::chrono::milliseconds) override {
        Called();
        for (const usage::Measurement& measurement : measurements) {
            Measure(measurement.mailbox, measurement.bytes, measurement.messages);
            entries[measurement.mailbox].measured.measured_at = measurement.began;
        }
        co_return;
    }

    async::Task<void> Remove(std::span<const std::string> mailboxes) override {
        Called();
        for (const std::string& mailbox : mailboxes) entries.erase(mailbox);
        co_return;
    }

    async::Task<std::vector<std::string>> MeasuredMailboxes() override {
        Called();
        std::vector<std::string> names;
        for (const auto& [name, entry] : entries)
            if (entry.measured.measured_at) names.push_back(name);
        co_return names;
    }

private:
    void Called() {
        ++calls;
        if (down) throw outage::UsageStoreUnavailable("the store is down");
    }

    usage::Usage OfDomain(std::string_view domain, std::string_view without_id) const {
        usage::Usage sum;
        for (const auto& [name, entry] : entries) {
            if (usage::DomainOf(name) != domain) continue;
            const usage::Usage usage = With(entry, without_id);
            sum.bytes += usage.bytes;
            sum.messages += usage.messages;
            sum.reserved_bytes += usage.reserved_bytes;
            sum.reserved_messages += usage.reserved_messages;
        }
        return sum;
    }

    static usage::Usage With(const Entry& entry, std::string_view without_id) {
        usage::Usage usage = entry.measured;
        for (const auto& [id, bytes] : entry.reservations) {
            if (id == without_id) continue;
            usage.reserved_bytes += bytes;
            usage.reserved_messages += 1;
        }
        return usage;
    }
};

}  // namespace policyd::test
