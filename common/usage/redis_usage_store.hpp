#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/redis/client.hpp"
#include "common/usage/packed_numbers.hpp"
#include "common/usage/recent_reservations.hpp"
#include "common/usage/redis_reservation_batch.hpp"
#include "common/usage/redis_retelling.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::usage {

/// The usage store in Redis, shared by the servers and scanners of a site. Every change of one
/// domain is one script, which Redis carries out as a whole. docs/usage-store.md says what is kept.
///
/// After every loss of the connection it tells Redis again what it reserved in the last half
/// minute before, so that what a restart or a fail-over lost is there again.
class RedisUsageStore final : public UsageStore {
public:
    struct Options {
        redis::ClientSettings server;
        /// The store's time; empty: the clock of the Redis server.
        text::WallClock clock{};
        std::chrono::milliseconds reservation_life = kReservationLife;
        std::chrono::milliseconds reservation_grace = kReservationGrace;
        /// A mailbox with more reservations than this keeps sums of them.
        std::uint64_t most_single_reservations = 512;
        bool notes_changes = false;  ///< for TakeChanged()
        /// Shared with the other stores of this process on the same server; none: one of its own.
        std::shared_ptr<RecentReservations> recent{};
    };

    RedisUsageStore(async::EventLoop& loop, Options options);
    ~RedisUsageStore() override;

    void OnReturn(std::function<void()> on_return) override { on_return_ = std::move(on_return); }
    async::Task<text::WallTime> Now() override;
    async::Task<std::optional<Usage>> Find(std::string_view mailbox) override;
    async::Task<std::optional<Usage>> FindDomain(std::string_view domain) override;
    async::Task<MendedDomains> MendDomains() override;
    async::Task<Usage> FindSite() override;
    async::Task<Reserved> Reserve(const Reservation& reservation) override;
    using UsageStore::Release;
    async::Task<void> Release(std::string_view id, std::span<const std::string> mailboxes,
                              Unreserve what) override;
    async::Task<void> Commit(std::span<const Measurement> measurements,
                             std::chrono::milliseconds grace) override;
    async::Task<void> Remove(std::span<const std::string> mailboxes) override;
    async::Task<std::vector<std::string>> MeasuredMailboxes() override;
    async::Task<std::vector<std::string>> UnmeasuredMailboxes() override;
    async::Task<void> NoteAbsent(std::span<const std::string> mailboxes, text::WallTime looked,
                                 std::chrono::milliseconds grace) override;
    async::Task<std::vector<std::chrono::milliseconds>> NoteFull(
        std::span<const std::string> mailboxes, std::chrono::milliseconds memory) override;
    async::Task<void> NoteRoom(std::span<const std::string> mailboxes) override;
    async::Task<std::optional<Filling>> FindFilling(std::string_view mailbox) override;
    async::Task<bool> NoteWarned(std::string_view mailbox, std::optional<std::uint64_t> from,
                                 std::uint64_t to) override;
    async::Task<std::vector<std::string>> TakeChanged(std::size_t most) override;
    async::Task<void> GiveBackChanged(std::span<const std::string> mailboxes) override;

private:
    PackedNumbers Header() const;
    /// Header() and what it goes on with is still to be its first argument.
    static redis::ScriptCall CallOf(std::size_t script, std::string_view domain_key);
    /// For mailboxes of any domains, some in each call.
    static std::vector<redis::ScriptCall> CallsFor(std::span<const std::string> mailboxes,
                                                   std::size_t script, const PackedNumbers& header);
    redis::ScriptCall DomainCall(std::string_view domain_key) const;
    redis::ScriptCall WarnedCall(std::string_view mailbox, double expected, double wanted) const;
    /// What kReservationsScript's arguments begin with.
    PackedNumbers ReservationsHeader() const;
    async::Task<void> NoteRoomIn(const std::vector<GrantedBefore>& granted);
    async::Task<void> TakeBack(std::string_view id, std::vector<GrantedBefore> granted);
    async::Task<std::vector<redis::Reply>> EvaluateInTurn(std::vector<redis::ScriptCall> calls);
    /// Of those in a list of mailboxes with reservations, the ones that were never measured.
    async::Task<std::vector<std::string>> UnmeasuredIn(std::string list);
    async::Task<void> NoteChanged(std::vector<std::string> mailboxes);
    void OnReady();

    const text::WallClock clock_;
    const std::chrono::milliseconds reservation_life_;
    const std::chrono::milliseconds reservation_grace_;
    const std::uint64_t most_single_reservations_;
    const bool notes_changes_;
    RedisRetelling retelling_;  // what it tells may end while the client below is destroyed
    std::function<void()> on_return_;
    bool was_ready_ = false;
    redis::Client redis_;
    RedisReservationBatch batch_;
};

}  // namespace policyd::usage
