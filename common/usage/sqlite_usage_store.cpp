#include "common/usage/sqlite_usage_store.hpp"

#include <utility>
#include <variant>

namespace policyd::usage {

SqliteUsageStore::SqliteUsageStore(uv_loop_t* loop, SqliteUsageFile::Options options)
    : pool_(loop, 1, [options] { return std::make_unique<SqliteUsageFile>(options); }),
      back_end_("sqlite:" + options.path,
                [loop] { return std::chrono::milliseconds(uv_now(loop)); }) {}

SqliteUsageStore::~SqliteUsageStore() = default;

/// Has the worker thread do `function(file)` in one transaction.
template <typename Function>
auto SqliteUsageStore::Do(Function function)
    -> async::Task<std::invoke_result_t<Function&, SqliteUsageFile&>> {
    if (!back_end_.MayAsk())
        throw outage::UsageStoreUnavailable(back_end_.Name() + ": could not be used a moment ago");
    const outage::BackEnd::Question question(back_end_);
    auto transact = [&function, asked = SqliteUsageFile::Clock::now()](SqliteUsageFile& file) {
        return file.Transact(function, asked);
    };
    auto job = pool_.Run(std::move(transact));
    std::string failure;
    try {
        auto result = co_await job;
        question.Answered();
        co_return result;
    } catch (const outage::UsageStoreTakesNothing& refusal) {
        question.RefusedWrite(refusal.what());
        throw;
    } catch (const outage::UsageStoreUnavailable& unavailable) {
        failure = unavailable.what();
    } catch (const async::WorkersOverloaded& overloaded) {
        failure = overloaded.what();
    }
    question.Failed(failure);
    throw outage::UsageStoreUnavailable(failure);
}

async::Task<text::WallTime> SqliteUsageStore::Now() {
    auto job = Do([](SqliteUsageFile& file) { return file.Now(); });
    co_return co_await job;
}

async::Task<std::optional<Usage>> SqliteUsageStore::Find(std::string_view mailbox) {
    auto job = Do([mailbox](SqliteUsageFile& file) { return file.Find(mailbox); });
    co_return co_await job;
}

async::Task<std::optional<Usage>> SqliteUsageStore::FindDomain(std::string_view domain) {
    auto job = Do([domain](SqliteUsageFile& file) { return file.FindDomain(domain); });
    co_return co_await job;
}

async::Task<Reserved> SqliteUsageStore::Reserve(const Reservation& reservation) {
    auto job = Do([&reservation](SqliteUsageFile& file) { return file.Reserve(reservation); });
    co_return co_await job;
}

async::Task<void> SqliteUsageStore::Release(std::string_view id,
                                            std::span<const std::string> mailboxes,
                                            Unreserve what) {
    auto job = Do([id, mailboxes, what](SqliteUsageFile& file) {
        for (const std::string& mailbox : mailboxes) file.Release(id, mailbox, what);
        return std::monostate();
    });
    co_await job;
}

async::Task<void> SqliteUsageStore::Commit(std::span<const Measurement> measurements,
                                           std::chrono::milliseconds grace) {
    auto job = Do([measurements, grace](SqliteUsageFile& file) {
        for (const Measurement& measurement : measurements) file.Commit(measurement, grace);
        return std::monostate();
    });
    co_await job;
}

async::Task<void> SqliteUsageStore::Remove(std::span<const std::string> mailboxes) {
    auto job = Do([mailboxes](SqliteUsageFile& file) {
        for (const std::string& mailbox : mailboxes) file.Remove(mailbox);
        return std::monostate();
    });
    co_await job;
}

async::Task<std::vector<std::string>> SqliteUsageStore::MeasuredMailboxes() {
    auto job = Do([](SqliteUsageFile& file) { return file.MeasuredMailboxes(); });
    co_return co_await job;
}

async::Task<std::vector<std::string>> SqliteUsageStore::UnmeasuredMailboxes() {
    auto job = Do([](SqliteUsageFile& file) { return file.UnmeasuredMailboxes(); });
    co_return co_await job;
}

async::Task<void> SqliteUsageStore::NoteAbsent(std::span<const std::string> mailboxes,
                                               text::WallTime looked,
                                               std::chrono::milliseconds grace) {
    auto job = Do([mailboxes, looked, grace](SqliteUsageFile& file) {
        for (const std::string& mailbox : mailboxes) file.NoteAbsent(mailbox, looked, grace);
        return std::monostate();
    });
    co_await job;
}

async::Task<Usage> SqliteUsageStore::FindSite() {
    auto job = Do([](SqliteUsageFile& file) { return file.FindSite(); });
    co_return co_await job;
}

async::Task<std::vector<std::chrono::milliseconds>> SqliteUsageStore::NoteFull(
    std::span<const std::string> mailboxes, std::chrono::milliseconds memory) {
    auto job = Do([mailboxes, memory](SqliteUsageFile& file) {
        std::vector<std::chrono::milliseconds> times;
        for (const std::string& mailbox : mailboxes)
            times.push_back(file.NoteFull(mailbox, memory));
        return times;
    });
    co_return co_await job;
}

async::Task<void> SqliteUsageStore::NoteRoom(std::span<const std::string> mailboxes) {
    auto job = Do([mailboxes](SqliteUsageFile& file) {
        for (const std::string& mailbox : mailboxes) file.NoteRoom(mailbox);
        return std::monostate();
    });
    co_await job;
}

async::Task<std::optional<Filling>> SqliteUsageStore::FindFilling(std::string_view mailbox) {
    auto job = Do([mailbox](SqliteUsageFile& file) { return file.FindFilling(mailbox); });
    co_return co_await job;
}

async::Task<bool> SqliteUsageStore::NoteWarned(std::string_view mailbox,
                                               std::optional<std::uint64_t> from,
                                               std::uint64_t to) {
    auto job = Do(
        [mailbox, from, to](SqliteUsageFile& file) { return file.NoteWarned(mailbox, from, to); });
    co_return co_await job;
}

async::Task<std::vector<std::string>> SqliteUsageStore::TakeChanged(std::size_t most) {
    auto job = Do([most](SqliteUsageFile& file) { return file.TakeChanged(most); });
    co_return co_await job;
}

async::Task<void> SqliteUsageStore::GiveBackChanged(std::span<const std::string> mailboxes) {
    auto job = Do([mailboxes](SqliteUsageFile& file) {
        for (const std::string& mailbox : mailboxes) file.NoteChanged(mailbox);
        return std::monostate();
    });
    co_await job;
}

}  // namespace policyd::usage
