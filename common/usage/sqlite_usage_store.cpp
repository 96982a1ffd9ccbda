#include "common/usage/sqlite_usage_store.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

namespace policyd::usage {

namespace {

using sqlite::Statement;

/// Longer than any transaction of a scanner takes; after it the call fails, and may be repeated.
constexpr std::chrono::milliseconds kPatience{1500};

/// How long a reservation counts that no measurement has come for.
constexpr std::chrono::hours kReservationLife{7 * 24};

/// Times are milliseconds since 1970. A mailbox that was only ever reserved in has no row in
/// `measured`.
constexpr const char* kSchema =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "CREATE TABLE IF NOT EXISTS measured ("
    " mailbox TEXT PRIMARY KEY, bytes INTEGER NOT NULL, messages INTEGER NOT NULL,"
    " began INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS reserved ("
    " mailbox TEXT NOT NULL, id TEXT NOT NULL, bytes INTEGER NOT NULL, made INTEGER NOT NULL,"
    " PRIMARY KEY (mailbox, id)) WITHOUT ROWID;";

std::int64_t Milliseconds(text::WallTime time) {
    return time.time_since_epoch().count();
}

std::int64_t Stored(std::uint64_t number) {
    return static_cast<std::int64_t>(
        std::min<std::uint64_t>(number, std::numeric_limits<std::int64_t>::max()));
}

std::uint64_t Loaded(std::int64_t number) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(number, 0));
}

/// a + b, or the largest number there is.
std::uint64_t Sum(std::uint64_t a, std::uint64_t b) {
    std::uint64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::uint64_t>::max() : sum;
}

bool HasRoom(const Limit& limit, const Usage& usage, std::uint64_t bytes) {
    const std::uint64_t stored = Sum(usage.bytes, usage.reserved_bytes);
    const std::uint64_t messages = Sum(usage.messages, usage.reserved_messages);
    return (limit.bytes == 0 || Sum(stored, std::max<std::uint64_t>(bytes, 1)) <= limit.bytes) &&
           (limit.messages == 0 || Sum(messages, 1) <= limit.messages);
}

}  // namespace

/// The file, as the worker thread has it open. Any error closes it, and the next call opens it
/// anew: whatever went wrong, nothing half-done stays behind.
class SqliteUsageStore::File {
public:
    File(std::string path, text::WallClock clock)
        : path_(std::move(path)), clock_(std::move(clock)) {}

    template <typename Function>
    auto Transact(Function function) {
        try {
            if (!database_) {
                database_.emplace(path_, sqlite::Database::Mode::kReadWrite, kPatience);
                database_->Execute(kSchema);
            }
            sqlite::Transaction transaction(*database_);
            auto result = function(*this);
            transaction.Commit();
            return result;
        } catch (const sqlite::Error& error) {
            database_.reset();
            throw outage::UsageStoreUnavailable(error.what());
        }
    }

    text::WallTime Now() const { return clock_(); }

    std::optional<Usage> Find(std::string_view mailbox) {
        const Usage usage = UsageWithout("", mailbox);
        if (!usage.measured_at && usage.reserved_messages == 0) return std::nullopt;
        return usage;
    }

    Usage UsageWithout(std::string_view id, std::string_view mailbox) {
        Usage usage;
        Statement& measured =
            database_->Prepared("SELECT bytes, messages, began FROM measured WHERE mailbox = ?1");
        measured.Bind(1, mailbox);
        if (measured.Step()) {
            usage.bytes = Loaded(measured.Integer(0));
            usage.messages = Loaded(measured.Integer(1));
            usage.measured_at = text::WallTime(std::chrono::milliseconds(measured.Integer(2)));
        }
        Statement& reserved = database_->Prepared(
            "SELECT count(*), coalesce(sum(bytes), 0) FROM reserved"
            " WHERE mailbox = ?1 AND id <> ?2 AND made > ?3");
        reserved.Bind(1, mailbox);
        reserved.Bind(2, id);
        reserved.Bind(3, Milliseconds(Now() - kReservationLife));
        if (reserved.Step()) {
            usage.reserved_messages = Loaded(reserved.Integer(0));
            usage.reserved_bytes = Loaded(reserved.Integer(1));
        }
        return usage;
    }

    Reserved Reserve(const Reservation& reservation) {
        Reserved answer;
        for (std::size_t i = 0; i < reservation.limits.size(); ++i) {
            const Limit& limit = reservation.limits[i];
            answer.usage.push_back(UsageWithout(reservation.id, limit.mailbox));
            if (!reservation.force && !HasRoom(limit, answer.usage.back(), reservation.bytes))
                answer.full.push_back(i);
        }
        if (!answer.full.empty()) return answer;
        for (const Limit& limit : reservation.limits) {
            Statement& insert = database_->Prepared(
                "INSERT INTO reserved (mailbox, id, bytes, made) VALUES (?1, ?2, ?3, ?4)"
                " ON CONFLICT (mailbox, id) DO UPDATE SET bytes = excluded.bytes,"
                " made = excluded.made");
            insert.Bind(1, limit.mailbox);
            insert.Bind(2, reservation.id);
            insert.Bind(3, Stored(reservation.bytes));
            insert.Bind(4, Milliseconds(Now()));
            insert.Step();
        }
        return answer;
    }

    void Release(std::string_view id, std::string_view mailbox) {
        Statement& release =
            database_->Prepared("DELETE FROM reserved WHERE mailbox = ?1 AND id = ?2");
        release.Bind(1, mailbox);
        release.Bind(2, id);
        release.Step();
    }

    void Commit(const Measurement& measurement, std::chrono::milliseconds grace) {
        Statement& store = database_->Prepared(
            "INSERT INTO measured (mailbox, bytes, messages, began) VALUES (?1, ?2, ?3, ?4)"
            " ON CONFLICT (mailbox) DO UPDATE SET bytes = excluded.bytes,"
            " messages = excluded.messages, began = excluded.began"
            " WHERE excluded.began > measured.began RETURNING 1");
        store.Bind(1, measurement.mailbox);
        store.Bind(2, Stored(measurement.bytes));
        store.Bind(3, Stored(measurement.messages));
        store.Bind(4, Milliseconds(measurement.began));
        const bool is_news = store.Step();
        store.Reset();
        if (!is_news) return;
        Statement& drop = database_->Prepared(
            "DELETE FROM reserved WHERE mailbox = ?1 AND (made < ?2 OR made <= ?3)");
        drop.Bind(1, measurement.mailbox);
        drop.Bind(2, Milliseconds(measurement.began - grace));
        drop.Bind(3, Milliseconds(Now() - kReservationLife));
        drop.Step();
    }

    void Remove(std::string_view mailbox) {
        for (const char* const sql : {"DELETE FROM measured WHERE mailbox = ?1",
                                      "DELETE FROM reserved WHERE mailbox = ?1"}) {
            Statement& remove = database_->Prepared(sql);
            remove.Bind(1, mailbox);
            remove.Step();
        }
    }

    std::vector<std::string> MeasuredMailboxes() {
        Statement& select = database_->Prepared("SELECT mailbox FROM measured");
        std::vector<std::string> names;
        while (select.Step()) names.push_back(select.Text(0).value_or(""));
        return names;
    }

private:
    const std::string path_;
    const text::WallClock clock_;
    std::optional<sqlite::Database> database_;
};

SqliteUsageStore::SqliteUsageStore(uv_loop_t* loop, std::string path, text::WallClock clock)
    : pool_(loop, 1, [path = std::move(path), clock = std::move(clock)] {
          return std::make_unique<File>(path, clock);
      }) {}

SqliteUsageStore::~SqliteUsageStore() = default;

/// The job for the worker thread: `function(file)` in one transaction.
template <typename Function>
auto SqliteUsageStore::Do(Function function) {
    return pool_.Run(
        [function = std::move(function)](File& file) { return file.Transact(function); });
}

async::Task<text::WallTime> SqliteUsageStore::Now() {
    auto job = Do([](File& file) { return file.Now(); });
    co_return co_await job;
}

async::Task<std::optional<Usage>> SqliteUsageStore::Find(std::string_view mailbox) {
    auto job = Do([mailbox](File& file) { return file.Find(mailbox); });
    co_return co_await job;
}

async::Task<Reserved> SqliteUsageStore::Reserve(const Reservation& reservation) {
    auto job = Do([&reservation](File& file) { return file.Reserve(reservation); });
    co_return co_await job;
}

async::Task<void> SqliteUsageStore::Release(std::string_view id,
                                            std::span<const std::string> mailboxes) {
    auto job = Do([id, mailboxes](File& file) {
        for (const std::string& mailbox : mailboxes) file.Release(id, mailbox);
        return std::monostate();
    });
    co_await job;
}

async::Task<void> SqliteUsageStore::Commit(std::span<const Measurement> measurements,
                                           std::chrono::milliseconds grace) {
    auto job = Do([measurements, grace](File& file) {
        for (const Measurement& measurement : measurements) file.Commit(measurement, grace);
        return std::monostate();
    });
    co_await job;
}

async::Task<void> SqliteUsageStore::Remove(std::span<const std::string> mailboxes) {
    auto job = Do([mailboxes](File& file) {
        for (const std::string& mailbox : mailboxes) file.Remove(mailbox);
        return std::monostate();
    });
    co_await job;
}

async::Task<std::vector<std::string>> SqliteUsageStore::MeasuredMailboxes() {
    auto job = Do([](File& file) { return file.MeasuredMailboxes(); });
    co_return co_await job;
}

}  // namespace policyd::usage
