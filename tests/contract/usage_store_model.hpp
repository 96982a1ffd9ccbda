#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/usage/usage_store.hpp"

namespace policyd::usage {

/// The contract of UsageStore in its plainest form: what the stores must agree with.
class UsageStoreModel {
public:
    text::WallTime now{std::chrono::milliseconds(1'800'000'000'000)};

    std::optional<Usage> Find(const std::string& mailbox) const {
        const auto found = mailboxes_.find(mailbox);
        if (found == mailboxes_.end()) return std::nullopt;
        return Without("", found->second);
    }

    std::optional<Usage> FindDomain(const std::string& domain) {
        BringUpToDate(domain);
        const auto is_of = [&domain](const auto& mailbox) {
            return DomainOf(mailbox.first) == domain;
        };
        if (std::none_of(mailboxes_.begin(), mailboxes_.end(), is_of)) return std::nullopt;
        return DomainWithout("", {}, domain);
    }

    Usage FindSite() const {
        Usage site;
        for (const auto& [name, mailbox] : mailboxes_) {
            const Usage usage = Without("", mailbox);
            site.bytes += usage.bytes;
            site.messages += usage.messages;
            site.reserved_bytes += usage.reserved_bytes;
            site.reserved_messages += usage.reserved_messages;
        }
        return site;
    }

    Reserved Reserve(const Reservation& reservation) {
        for (const Limit& limit : reservation.limits) BringUpToDate(DomainOf(limit.mailbox));
        for (const DomainLimit& limit : reservation.domain_limits) BringUpToDate(limit.domain);
        Reserved answer;
        for (std::size_t i = 0; i < reservation.limits.size(); ++i) {
            const Limit& limit = reservation.limits[i];
            const Usage usage = Without(reservation.id, mailboxes_[limit.mailbox]);
            answer.usage.push_back(usage);
            answer.warned.push_back(mailboxes_[limit.mailbox].warned);
            if (!Stays(reservation, limit) && !Fits(limit.bytes, limit.messages, usage,
                                                    reservation.bytes, limit.copies, limit.copies))
                answer.full.push_back(i);
        }
        for (std::size_t i = 0; i < reservation.domain_limits.size(); ++i) {
            const DomainLimit& limit = reservation.domain_limits[i];
            std::uint64_t bytes = 0;
            std::uint64_t copies = 0;
            std::set<std::string> asked;
            for (const Limit& mailbox : reservation.limits) {
                asked.insert(mailbox.mailbox);
                if (DomainOf(mailbox.mailbox) != limit.domain) continue;
                const Held held =
                    Stays(reservation, mailbox).value_or(Holding(reservation, mailbox));
                bytes += held.bytes;
                copies += held.copies;
            }
            const Usage usage = DomainWithout(reservation.id, asked, limit.domain);
            answer.domain_usage.push_back(usage);
            if (!Fits(limit.bytes, limit.messages, usage, bytes, copies, 1))
                answer.full_domains.push_back(i);
        }
        if (reservation.needs == Needs::kNoRoom ||
            (reservation.needs == Needs::kRoomInAny && AnyHasRoom(reservation, answer))) {
            answer.full.clear();
            answer.full_domains.clear();
        }
        if (answer.IsGranted())
            for (const Limit& limit : reservation.limits)
                if (!Stays(reservation, limit))
                    mailboxes_[limit.mailbox].held[reservation.id] = Holding(reservation, limit);
        DropEmpty();
        return answer;
    }

    void Release(const std::string& id, const std::vector<std::string>& mailboxes,
                 Unreserve what = Unreserve::kWhatIsUnsettled) {
        for (const std::string& mailbox : mailboxes) {
            BringUpToDate(DomainOf(mailbox));
            const auto found = mailboxes_.find(mailbox);
            if (found == mailboxes_.end()) continue;
            std::erase_if(found->second.held, [&](const auto& held) {
                return held.first == id && (what == Unreserve::kEverything || !held.second.settled);
            });
        }
        DropEmpty();
    }

    std::optional<Filling> FindFilling(const std::string& name) {
        BringUpToDate(DomainOf(name));
        const auto found = mailboxes_.find(name);
        if (found == mailboxes_.end()) return std::nullopt;
        const Mailbox& mailbox = found->second;
        Filling filling{mailbox.bytes, mailbox.warned, mailbox.messages, mailbox.bytes,
                        mailbox.messages};
        for (const auto& [id, held] : mailbox.held) {
            filling.most_bytes += held.bytes;
            filling.most_messages += held.copies;
            if (!held.settled) continue;
            if (mailbox.began && held.made < std::max(*mailbox.began, mailbox.stored)) continue;
            filling.bytes += held.bytes;
            filling.messages += held.copies;
        }
        return filling;
    }

    bool NoteWarned(const std::string& name, std::optional<std::uint64_t> from, std::uint64_t to) {
        BringUpToDate(DomainOf(name));
        const auto found = mailboxes_.find(name);
        if (found == mailboxes_.end() || found->second.warned != from) return false;
        found->second.warned = to;
        return true;
    }

    void Commit(const std::vector<Measurement>& measurements, std::chrono::milliseconds grace) {
        for (const Measurement& measurement : measurements) {
            BringUpToDate(DomainOf(measurement.mailbox));
            Mailbox& mailbox = mailboxes_[measurement.mailbox];
            const bool is_misdated = measurement.began > now + kAhead;
            const bool is_first = !mailbox.began || *mailbox.began > now + kAhead;
            if (!is_first && (is_misdated || measurement.began <= *mailbox.began)) continue;
            mailbox.bytes = measurement.bytes;
            mailbox.messages = measurement.messages;
            mailbox.began = is_misdated ? now : measurement.began;
            std::erase_if(mailbox.held, [&](const auto& held) {
                return !is_misdated && held.second.made < measurement.began - grace;
            });
            if (!mailbox.held.empty()) mailbox.stored = now;
        }
        DropEmpty();
    }

    void Remove(const std::vector<std::string>& mailboxes) {
        for (const std::string& mailbox : mailboxes) {
            BringUpToDate(DomainOf(mailbox));
            mailboxes_.erase(mailbox);
        }
        DropEmpty();
    }

    std::vector<std::string> MeasuredMailboxes() const {
        std::vector<std::string> names;
        for (const auto& [name, mailbox] : mailboxes_)
            if (mailbox.began) names.push_back(name);
        return names;
    }

    std::vector<std::string> UnmeasuredMailboxes() {
        for (const auto& [name, mailbox] : std::map(mailboxes_)) BringUpToDate(DomainOf(name));
        std::vector<std::string> names;
        for (const auto& [name, mailbox] : mailboxes_)
            if (!mailbox.began) names.push_back(name);
        return names;
    }

    void NoteAbsent(const std::vector<std::string>& mailboxes, text::WallTime looked,
                    std::chrono::milliseconds grace) {
        for (const std::string& mailbox : mailboxes) {
            BringUpToDate(DomainOf(mailbox));
            const auto found = mailboxes_.find(mailbox);
            if (found == mailboxes_.end() || found->second.began || looked > now + kAhead) continue;
            std::erase_if(found->second.held,
                          [&](const auto& held) { return held.second.made < looked - grace; });
        }
        DropEmpty();
    }

private:
    struct Held {
        text::WallTime made;
        std::uint64_t bytes = 0;
        std::uint64_t copies = 0;
        bool settled = false;
    };
    struct Mailbox {
        std::uint64_t bytes = 0;
        std::uint64_t messages = 0;
        std::optional<text::WallTime> began;
        text::WallTime stored;
        std::map<std::string, Held> held;
        std::optional<std::uint64_t> warned;
    };

    static constexpr std::chrono::milliseconds kAhead{1000};

    Held Holding(const Reservation& reservation, const Limit& limit) const {
        return {Made(reservation, limit), reservation.bytes * limit.copies, limit.copies,
                reservation.settled};
    }

    /// What asks again is as old as it was, until it is settled.
    text::WallTime Made(const Reservation& reservation, const Limit& limit) const {
        const text::WallTime made = now - reservation.age;
        const auto mailbox = mailboxes_.find(limit.mailbox);
        if (reservation.settled || mailbox == mailboxes_.end()) return made;
        const auto held = mailbox->second.held.find(reservation.id);
        if (held == mailbox->second.held.end()) return made;
        return std::min(held->second.made, made);
    }

    /// What is settled is not for an unsettled size to change, and what is told late may have been
    /// measured since: what is held then, whatever is reserved now.
    std::optional<Held> Stays(const Reservation& reservation, const Limit& limit) const {
        const auto mailbox = mailboxes_.find(limit.mailbox);
        if (mailbox == mailboxes_.end()) return std::nullopt;
        const auto held = mailbox->second.held.find(reservation.id);
        if (held != mailbox->second.held.end())
            return held->second.settled && !reservation.settled ? std::optional(held->second)
                                                                : std::nullopt;
        const auto began = mailbox->second.began;
        const bool is_measured = reservation.age > std::chrono::milliseconds(0) && began &&
                                 *began <= now + kAhead &&
                                 now - reservation.age < *began - kReservationGrace;
        return is_measured ? std::optional(Held()) : std::nullopt;
    }

    static bool AnyHasRoom(const Reservation& reservation, const Reserved& answer) {
        for (std::size_t i = 0; i < reservation.limits.size(); ++i) {
            const std::string_view domain = DomainOf(reservation.limits[i].mailbox);
            const bool domain_is_full = std::any_of(
                answer.full_domains.begin(), answer.full_domains.end(),
                [&](std::size_t d) { return reservation.domain_limits[d].domain == domain; });
            const bool is_full =
                std::find(answer.full.begin(), answer.full.end(), i) != answer.full.end();
            if (!is_full && !domain_is_full) return true;
        }
        return false;
    }

    /// `bytes` in all, or of each of `each` copies.
    static bool Fits(std::uint64_t bytes_limit, std::uint64_t messages_limit, const Usage& usage,
                     std::uint64_t bytes, std::uint64_t copies, std::uint64_t each) {
        const std::uint64_t more = std::max<std::uint64_t>(bytes * each, 1);
        return (bytes_limit == 0 || usage.bytes + usage.reserved_bytes + more <= bytes_limit) &&
               (messages_limit == 0 ||
                usage.messages + usage.reserved_messages + copies <= messages_limit);
    }

    static Usage Without(const std::string& id, const Mailbox& mailbox) {
        Usage usage{mailbox.bytes, mailbox.messages, 0, 0, mailbox.began};
        for (const auto& [held_by, held] : mailbox.held) {
            if (held_by == id) continue;
            usage.reserved_bytes += held.bytes;
            usage.reserved_messages += held.copies;
        }
        return usage;
    }

    Usage DomainWithout(const std::string& id, const std::set<std::string>& asked,
                        std::string_view domain) const {
        Usage sum;
        for (const auto& [name, mailbox] : mailboxes_) {
            if (DomainOf(name) != domain) continue;
            const Usage usage = Without(asked.contains(name) ? id : "", mailbox);
            sum.bytes += usage.bytes;
            sum.messages += usage.messages;
            sum.reserved_bytes += usage.reserved_bytes;
            sum.reserved_messages += usage.reserved_messages;
        }
        return sum;
    }

    void BringUpToDate(std::string_view domain) {
        for (auto& [name, mailbox] : mailboxes_) {
            if (DomainOf(name) != domain) continue;
            std::erase_if(mailbox.held, [this](const auto& held) {
                return held.second.made < now - kReservationLife;
            });
            for (auto& [id, held] : mailbox.held)
                if (held.made > now + kAhead) held.made = now;
        }
        DropEmpty();
    }

    void DropEmpty() {
        std::erase_if(mailboxes_, [](const auto& mailbox) {
            return !mailbox.second.began && mailbox.second.held.empty();
        });
    }

    std::map<std::string, Mailbox> mailboxes_;
};

}  // namespace policyd::usage
