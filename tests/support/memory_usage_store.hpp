#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/usage/usage_store.hpp"

namespace policyd::test {

/// A usage store in memory, for unit tests of what uses one. `down` makes every call fail.
class MemoryUsageStore : public usage::UsageStore {
public:
    struct Held {
        std::uint64_t bytes = 0;
        std::uint64_t copies = 0;
    };
    struct Entry {
        usage::Usage measured;
        std::map<std::string, Held> reservations;  // by id
        std::set<std::string> settled;             // ids
        std::set<std::string> measured_too;        // ids
        std::optional<std::uint64_t> warned;
        std::optional<std::chrono::milliseconds> full_since;
    };

    std::chrono::milliseconds now{0};  ///< for how long mailboxes have been full
    std::vector<std::string> changed;  ///< for TakeChanged()

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
            for (const auto& [id, held] : found->second.reservations) sum += held.bytes;
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
        std::size_t without_room = 0;
        const auto size_of = [&](std::uint64_t copies) {
            return std::max<std::uint64_t>(reservation.bytes * copies, 1);
        };
        for (std::size_t i = 0; i < reservation.limits.size(); ++i) {
            const usage::Limit& limit = reservation.limits[i];
            const std::uint64_t size = size_of(limit.copies);
            const usage::Usage usage = With(entries[limit.mailbox], reservation.id);
            const bool bytes_fit =
                limit.bytes == 0 || usage.bytes + usage.reserved_bytes + size <= limit.bytes;
            const bool messages_fit =
                limit.messages == 0 ||
                usage.messages + usage.reserved_messages + limit.copies <= limit.messages;
            if (!bytes_fit || !messages_fit) {
                reserved.full.push_back(i);
                ++without_room;
            }
            reserved.usage.push_back(usage);
            reserved.warned.push_back(entries[limit.mailbox].warned);
        }
        for (std::size_t i = 0; i < reservation.domain_limits.size(); ++i) {
            const usage::DomainLimit& limit = reservation.domain_limits[i];
            const usage::Usage usage = OfDomain(limit.domain, reservation.id);
            std::uint64_t more_messages = 0;
            for (const usage::Limit& mailbox : reservation.limits)
                if (usage::DomainOf(mailbox.mailbox) == limit.domain)
                    more_messages += mailbox.copies;
            const std::uint64_t more = size_of(more_messages);
            const bool bytes_fit =
                limit.bytes == 0 || usage.bytes + usage.reserved_bytes + more <= limit.bytes;
            const bool messages_fit =
                limit.messages == 0 ||
                usage.messages + usage.reserved_messages + more_messages <= limit.messages;
            if (!bytes_fit || !messages_fit) reserved.full_domains.push_back(i);
            reserved.domain_usage.push_back(usage);
        }
        const bool any_has_room =
            reserved.full_domains.empty() && without_room < reservation.limits.size();
        if (reservation.needs == usage::Needs::kNoRoom ||
            (reservation.needs == usage::Needs::kRoomInAny && any_has_room)) {
            reserved.full.clear();
            reserved.full_domains.clear();
        }
        if (!reserved.IsGranted()) co_return reserved;
        for (const usage::Limit& limit : reservation.limits) {
            Entry& entry = entries[limit.mailbox];
            entry.reservations[reservation.id] = {reservation.bytes * limit.copies, limit.copies};
            if (reservation.settled) entry.settled.insert(reservation.id);
            if (reservation.ends_fullness) entry.full_since.reset();
        }
        co_return reserved;
    }

    using UsageStore::Release;
    async::Task<void> Release(std::string_view id, std::span<const std::string> mailboxes,
                              usage::Unreserve what) override {
        Called();
        for (const std::string& mailbox : mailboxes) {
            Entry& entry = entries[mailbox];
            if (what == usage::Unreserve::kEverything) entry.settled.erase(std::string(id));
            if (!entry.settled.contains(std::string(id))) entry.reservations.erase(std::string(id));
        }
        co_return;
    }

    async::Task<usage::Usage> FindSite() override {
        Called();
        usage::Usage site;
        for (const auto& [name, entry] : entries) {
            site.bytes += entry.measured.bytes;
            site.messages += entry.measured.messages;
        }
        co_return site;
    }

    async::Task<std::vector<std::chrono::milliseconds>> NoteFull(
        std::span<const std::string> mailboxes, std::chrono::milliseconds) override {
        Called();
        std::vector<std::chrono::milliseconds> times;
        for (const std::string& mailbox : mailboxes) {
            Entry& entry = entries[mailbox];
            if (!entry.full_since) entry.full_since = now;
            times.push_back(now - *entry.full_since);
        }
        co_return times;
    }

    async::Task<void> NoteRoom(std::span<const std::string> mailboxes) override {
        Called();
        for (const std::string& mailbox : mailboxes) entries[mailbox].full_since.reset();
        co_return;
    }

    /// Everything that is reserved counts, unless it is said to be in the measurement too.
    async::Task<std::optional<usage::Filling>> FindFilling(std::string_view mailbox) override {
        Called();
        const auto found = entries.find(mailbox);
        if (found == entries.end()) co_return std::nullopt;
        Entry entry = found->second;
        const usage::Usage most = With(entry, "");
        for (const std::string& id : entry.measured_too) entry.reservations.erase(id);
        std::erase_if(entry.reservations,
                      [&](const auto& held) { return !entry.settled.contains(held.first); });
        const usage::Usage usage = With(entry, "");
        usage::Filling filling;
        filling.bytes = usage.bytes + usage.reserved_bytes;
        filling.messages = usage.messages + usage.reserved_messages;
        filling.warned = found->second.warned;
        filling.most_bytes = most.bytes + most.reserved_bytes;
        filling.most_messages = most.messages + most.reserved_messages;
        co_return filling;
    }

    async::Task<bool> NoteWarned(std::string_view mailbox, std::optional<std::uint64_t> from,
                                 std::uint64_t to) override {
        Called();
        const auto found = entries.find(mailbox);
        if (found == entries.end() || found->second.warned != from) co_return false;
        found->second.warned = to;
        co_return true;
    }

    async::Task<std::vector<std::string>> TakeChanged(std::size_t most) override {
        Called();
        const auto end =
            changed.begin() + static_cast<std::ptrdiff_t>(std::min(most, changed.size()));
        std::vector<std::string> taken(changed.begin(), end);
        changed.erase(changed.begin(), end);
        co_return taken;
    }

    async::Task<void> GiveBackChanged(std::span<const std::string> mailboxes) override {
        Called();
        changed.insert(changed.end(), mailboxes.begin(), mailboxes.end());
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

    async::Task<std::vector<std::string>> UnmeasuredMailboxes() override {
        Called();
        std::vector<std::string> names;
        for (const auto& [name, entry] : entries)
            if (!entry.measured.measured_at && !entry.reservations.empty()) names.push_back(name);
        co_return names;
    }

    /// Whatever is reserved is as old as the grace.
    async::Task<void> NoteAbsent(std::span<const std::string> mailboxes, text::WallTime,
                                 std::chrono::milliseconds) override {
        Called();
        for (const std::string& mailbox : mailboxes)
            if (!entries[mailbox].measured.measured_at) entries.erase(mailbox);
        co_return;
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
        for (const auto& [id, held] : entry.reservations) {
            if (id == without_id) continue;
            usage.reserved_bytes += held.bytes;
            usage.reserved_messages += held.copies;
        }
        return usage;
    }
};

}  // namespace policyd::test
