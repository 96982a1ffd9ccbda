#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <type_traits>

#include "common/async/worker_pool.hpp"
#include "common/outage/back_end.hpp"
#include "common/usage/sqlite_usage_file.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::usage {

/// The usage store in an SQLite file, shared by the servers and scanners of one machine. Every
/// call is one transaction, made by a thread that owns the connection.
class SqliteUsageStore final : public UsageStore {
public:
    /// The file is made on the first call if it does not exist; a file that cannot be used makes
    /// calls fail, not the constructor. The clock is asked on another thread.
    SqliteUsageStore(uv_loop_t* loop, SqliteUsageFile::Options options);
    ~SqliteUsageStore() override;

    async::Task<text::WallTime> Now() override;
    async::Task<std::optional<Usage>> Find(std::string_view mailbox) override;
    async::Task<std::optional<Usage>> FindDomain(std::string_view domain) override;
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
    template <typename Function>
    auto Do(Function function) -> async::Task<std::invoke_result_t<Function&, SqliteUsageFile&>>;

    async::WorkerPool<SqliteUsageFile> pool_;
    outage::BackEnd back_end_;
};

}  // namespace policyd::usage
