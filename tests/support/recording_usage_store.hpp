#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/async/wake_up.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::test {

/// A usage store in memory for tests of what commits to one: takes measurements as the contract
/// says, holds no reservations, and can be unavailable. Its clock goes on by a millisecond at each
/// look, and may be set.
class RecordingUsageStore final : public usage::UsageStore {
public:
    async::Task<text::WallTime> Now() override {
        FailIfDown();
        now += std::chrono::milliseconds(1);
        co_return now;
    }
    async::Task<std::optional<usage::Usage>> Find(std::string_view mailbox) override {
        FailIfDown();
        const auto found = figures.find(std::string(mailbox));
        if (found == figures.end()) co_return std::nullopt;
        usage::Usage usage;
        usage.bytes = std::min(found->second.bytes, std::uint64_t{1} << 53);
        usage.messages = found->second.messages;
        usage.measured_at = found->second.began;
        if (on_found) on_found();
        co_return usage;
    }
    async::Task<std::optional<usage::Usage>> FindDomain(std::string_view domain) override {
        FailIfDown();
        if (wrong_domains.contains(std::string(domain))) co_return std::nullopt;
        std::optional<usage::Usage> sum;
        for (const auto& [name, measurement] : figures) {
            if (usage::DomainOf(name) != domain) continue;
            if (!sum) sum.emplace();
            sum->bytes += std::min(measurement.bytes, std::uint64_t{1} << 53);
            sum->messages += measurement.messages;
        }
        co_return sum;
    }
    async::Task<usage::MendedDomains> MendDomains() override {
        FailIfDown();
        if (cannot_mend) throw outage::UsageStoreUnavailable("it does not answer");
        const std::set<std::string> wrong = std::exchange(wrong_domains, {});
        co_return usage::MendedDomains{{wrong.begin(), wrong.end()}, broken_domains};
    }
    async::Task<usage::Reserved> Reserve(const usage::Reservation&) override {
        co_return usage::Reserved{};
    }
    async::Task<void> Release(std::string_view, std::span<const std::string>,
                              usage::Unreserve) override {
        co_return;
    }
    async::Task<usage::Usage> FindSite() override { co_return usage::Usage(); }
    async::Task<std::vector<std::chrono::milliseconds>> NoteFull(
        std::span<const std::string> mailboxes, std::chrono::milliseconds) override {
        co_return std::vector<std::chrono::milliseconds>(mailboxes.size());
    }
    async::Task<void> NoteRoom(std::span<const std::string>) override { co_return; }
    async::Task<std::optional<usage::Filling>> FindFilling(std::string_view) override {
        co_return std::nullopt;
    }
    async::Task<bool> NoteWarned(std::string_view, std::optional<std::uint64_t>,
                                 std::uint64_t) override {
        co_return false;
    }
    async::Task<void> GiveBackChanged(std::span<const std::string>) override { co_return; }
    async::Task<std::vector<std::string>> TakeChanged(std::size_t) override {
        co_return std::vector<std::string>();
    }
    async::Task<void> Commit(std::span<const usage::Measurement> measurements,
                             std::chrono::milliseconds) override {
        if (on_commit) on_commit();
        while (commits_let_through == 0) co_await let_through_.Wait();
        if (commits_let_through) --*commits_let_through;
        FailIfDown();
        if (refusals > 0) {
            --refusals;
            throw outage::UsageStoreUnavailable("the store has no memory");
        }
        if (takes_nothing) throw outage::UsageStoreTakesNothing("the disk is full");
        for (const usage::Measurement& measurement : measurements)
            FailIfRefused(measurement.mailbox);
        const text::WallTime ahead = now + std::chrono::seconds(1);
        for (const usage::Measurement& measurement : measurements) {
            ++commits;
            const auto [found, is_new] = figures.try_emplace(measurement.mailbox, measurement);
            usage::Measurement& stored = found->second;
            if (is_new || stored.began > ahead ||
                (measurement.began <= ahead && measurement.began > stored.began))
                stored = measurement;
            if (stored.began > ahead) stored.began = now;
        }
        co_return;
    }
    async::Task<void> Remove(std::span<const std::string> mailboxes) override {
        FailIfDown();
        for (const std::string& mailbox : mailboxes) FailIfRefused(mailbox);
        for (const std::string& mailbox : mailboxes) figures.erase(mailbox);
        co_return;
    }
    async::Task<std::vector<std::string>> MeasuredMailboxes() override {
        FailIfDown();
        if (on_list) on_list();
        std::vector<std::string> names;
        for (const auto& [name, measurement] : figures) names.push_back(name);
        co_return names;
    }

    async::Task<std::vector<std::string>> UnmeasuredMailboxes() override {
        FailIfDown();
        if (on_list) on_list();
        co_return unmeasured;
    }
    async::Task<void> NoteAbsent(std::span<const std::string> mailboxes, text::WallTime looked,
                                 std::chrono::milliseconds grace) override {
        FailIfDown();
        if (absence_refusals > 0) {
            --absence_refusals;
            throw outage::UsageStoreUnavailable("the store has just been started");
        }
        for (const std::string& mailbox : mailboxes) FailIfRefused(mailbox);
        for (const std::string& mailbox : mailboxes) absent[mailbox] = looked - grace;
        co_return;
    }

    void LetCommitsThrough(int more) {
        *commits_let_through += more;
        let_through_.Set();
    }

    std::map<std::string, usage::Measurement> figures;
    std::optional<int> commits_let_through;             ///< calls; if it is set, others wait
    std::set<std::string> wrong_domains;                ///< of which it has lost what it had
    std::map<std::string, std::string> broken_domains;  ///< and why
    bool cannot_mend = false;                           ///< MendDomains() fails
    std::vector<std::string> unmeasured;                ///< hold reservations
    std::map<std::string, text::WallTime> absent;  ///< up to when nothing that is reserved counts
    std::uint64_t commits = 0;         ///< measurements committed, repeated ones as well
    int failures = 0;                  ///< so many calls fail from now on
    int refusals = 0;                  ///< so many commits fail from now on, and nothing else
    int absence_refusals = 0;          ///< so many calls of NoteAbsent() fail, and nothing else
    bool takes_nothing = false;        ///< every commit fails, and nothing else
    std::string refused_domain = "?";  ///< no change may concern one of its mailboxes
    std::string refused;               ///< a mailbox that no change may concern
    std::function<void()> on_commit;   ///< called when measurements come, if it is set
    std::function<void()> on_list;     ///< called when mailboxes are asked for; may throw
    std::function<void()> on_found;    ///< called when a mailbox has been looked up, if it is set
    text::WallTime now{std::chrono::milliseconds(1'700'000'000'000)};

private:
    async::WakeUp let_through_;

    void FailIfRefused(const std::string& mailbox) const {
        if (mailbox == refused || usage::DomainOf(mailbox) == refused_domain)
            throw outage::UsageStoreUnavailable("the store refuses a mailbox");
    }
    void FailIfDown() {
        if (failures == 0) return;
        --failures;
        throw outage::UsageStoreUnavailable("the store is down");
    }
};

}  // namespace policyd::test
