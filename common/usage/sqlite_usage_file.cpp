#include "common/usage/sqlite_usage_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/usage/sqlite_usage_schema.hpp"

namespace policyd::usage {

namespace {

using sqlite::Statement;
using std::chrono::milliseconds;

/// Longer than any transaction of a scanner takes; after it the call fails, and may be repeated.
constexpr milliseconds kPatience{1500};

/// A time this much later than now is not of our clock: the clock has been set back since.
constexpr milliseconds kAhead{1000};

/// Kept as the other store keeps them, far from where sums would overflow.
std::int64_t Stored(std::uint64_t number) {
    return static_cast<std::int64_t>(std::min<std::uint64_t>(number, std::uint64_t{1} << 53));
}

std::int64_t Stored(text::WallTime time) {
    return time.time_since_epoch().count();
}

std::uint64_t Loaded(std::int64_t number) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(number, 0));
}

bool Fits(std::uint64_t limit, std::uint64_t used, std::uint64_t more) {
    return limit == 0 || used + more <= Loaded(Stored(limit));
}

bool HasRoom(std::uint64_t limit_bytes, std::uint64_t limit_messages, const Usage& usage,
             std::uint64_t bytes, std::uint64_t copies) {
    return Fits(limit_bytes, usage.bytes + usage.reserved_bytes,
                std::max<std::uint64_t>(bytes, 1)) &&
           Fits(limit_messages, usage.messages + usage.reserved_messages, copies);
}

/// In the first row, where there is one, in the order of the columns of `domains`.
std::optional<Usage> UsageIn(Statement& select) {
    if (!select.Step()) return std::nullopt;
    Usage usage;
    usage.bytes = Loaded(select.Integer(0));
    usage.messages = Loaded(select.Integer(1));
    usage.reserved_bytes = Loaded(select.Integer(2));
    usage.reserved_messages = Loaded(select.Integer(3));
    select.Reset();
    return usage;
}

std::vector<std::string> NamesIn(Statement& select) {
    std::vector<std::string> names;
    while (select.Step()) names.push_back(select.Text(0).value_or(""));
    return names;
}

}  // namespace

SqliteUsageFile::SqliteUsageFile(Options options) : options_(std::move(options)) {}

void SqliteUsageFile::Open() {
    sqlite::RequireRoom(options_.path);
    struct stat there {};
    const bool exists = stat(options_.path.c_str(), &there) == 0;
    if (database_ && exists && there.st_dev == device_ && there.st_ino == inode_) return;
    database_.reset();
    database_.emplace(options_.path, sqlite::Database::Mode::kReadWrite, kPatience);
    BringSchemaUpToDate(*database_);
    if (stat(options_.path.c_str(), &there) != 0) return;
    device_ = there.st_dev;
    inode_ = there.st_ino;
}

std::int64_t SqliteUsageFile::Oldest() const {
    return Stored(now_ - options_.reservation_life);
}

std::int64_t SqliteUsageFile::Ahead() const {
    return Stored(now_ + kAhead);
}

void SqliteUsageFile::BringUpToDate(std::string_view domain) {
    // Looked for first: RETURNING makes a table each time, also for nothing.
    const std::vector<std::string> expired = NamesIn(database_->Prepared(
        "SELECT mailbox FROM reserved WHERE domain = ?1 AND made < ?2", domain, Oldest()));
    if (!expired.empty())
        database_->Run("DELETE FROM reserved WHERE domain = ?1 AND made < ?2", domain, Oldest());
    for (const std::string& mailbox : expired) ForgetUnknown(mailbox);
    database_->Run("UPDATE reserved SET made = ?3 WHERE domain = ?1 AND made > ?2", domain, Ahead(),
                   Stored(now_));
}

bool SqliteUsageFile::HasExpired(std::string_view mailbox) {
    return database_->HasRow("SELECT 1 FROM reserved WHERE mailbox = ?1 AND made < ?2 LIMIT 1",
                             mailbox, Oldest());
}

std::optional<Usage> SqliteUsageFile::Find(std::string_view mailbox) {
    if (HasExpired(mailbox)) BringUpToDate(DomainOf(mailbox));
    const Usage usage = MailboxWithout("", mailbox);
    if (!usage.measured_at && usage.reserved_messages == 0) return std::nullopt;
    return usage;
}

std::optional<Usage> SqliteUsageFile::FindDomain(std::string_view domain) {
    BringUpToDate(domain);
    return UsageIn(
        database_->Prepared("SELECT bytes, messages, reserved_bytes, reserved_messages FROM domains"
                            " WHERE domain = ?1",
                            domain));
}

Usage SqliteUsageFile::MailboxWithout(std::string_view id, std::string_view mailbox) {
    Usage usage;
    Statement& measured = database_->Prepared(
        "SELECT bytes, messages, began FROM measured WHERE mailbox = ?1", mailbox);
    if (measured.Step()) {
        usage.bytes = Loaded(measured.Integer(0));
        usage.messages = Loaded(measured.Integer(1));
        usage.measured_at = text::WallTime(milliseconds(measured.Integer(2)));
    }
    measured.Reset();
    Statement& reserved = database_->Prepared(
        "SELECT coalesce(sum(bytes), 0), coalesce(sum(copies), 0) FROM reserved"
        " WHERE mailbox = ?1 AND id <> ?2",
        mailbox, id);
    if (reserved.Step()) {
        usage.reserved_bytes = Loaded(reserved.Integer(0));
        usage.reserved_messages = Loaded(reserved.Integer(1));
    }
    reserved.Reset();
    return usage;
}

Usage SqliteUsageFile::DomainWithout(const Reservation& reservation, std::string_view domain) {
    Usage usage = FindDomain(domain).value_or(Usage());
    for (const Limit& limit : reservation.limits) {
        if (DomainOf(limit.mailbox) != domain) continue;
        const Held held = HeldBy(reservation, limit.mailbox);
        usage.reserved_bytes -= held.bytes;
        usage.reserved_messages -= held.copies;
    }
    return usage;
}

Reserved SqliteUsageFile::Reserve(const Reservation& reservation) {
    const std::uint64_t size = Loaded(Stored(reservation.bytes));
    std::set<std::string_view> domains;
    for (const Limit& limit : reservation.limits) domains.insert(DomainOf(limit.mailbox));
    for (const DomainLimit& limit : reservation.domain_limits) domains.insert(limit.domain);
    for (const std::string_view domain : domains) BringUpToDate(domain);

    Reserved answer;
    std::vector<Held> held(reservation.limits.size());
    for (std::size_t i = 0; i < reservation.limits.size(); ++i) {
        const Limit& limit = reservation.limits[i];
        answer.usage.push_back(MailboxWithout(reservation.id, limit.mailbox));
        answer.warned.push_back(WarnedOf(limit.mailbox));
        held[i] = HeldBy(reservation, limit.mailbox);
        if (!held[i].stays && !HasRoom(limit.bytes, limit.messages, answer.usage.back(),
                                       size * limit.copies, limit.copies))
            answer.full.push_back(i);
    }
    std::set<std::string_view> full_domains;
    for (std::size_t i = 0; i < reservation.domain_limits.size(); ++i) {
        const DomainLimit& limit = reservation.domain_limits[i];
        answer.domain_usage.push_back(DomainWithout(reservation, limit.domain));
        std::uint64_t bytes = 0;
        std::uint64_t copies = 0;
        for (std::size_t m = 0; m < reservation.limits.size(); ++m) {
            const Limit& mailbox = reservation.limits[m];
            if (DomainOf(mailbox.mailbox) != limit.domain) continue;
            bytes += held[m].stays ? held[m].bytes : size * mailbox.copies;
            copies += held[m].stays ? held[m].copies : mailbox.copies;
        }
        if (HasRoom(limit.bytes, limit.messages, answer.domain_usage.back(), bytes, copies))
            continue;
        answer.full_domains.push_back(i);
        full_domains.insert(limit.domain);
    }
    const std::size_t without_room = static_cast<std::size_t>(std::count_if(
        reservation.limits.begin(), reservation.limits.end(), [&](const Limit& limit) {
            const std::size_t i = static_cast<std::size_t>(&limit - reservation.limits.data());
            return full_domains.contains(DomainOf(limit.mailbox)) ||
                   std::binary_search(answer.full.begin(), answer.full.end(), i);
        }));
    const bool any_has_room = without_room < reservation.limits.size();
    const std::vector<std::size_t> full = answer.full;
    if (reservation.needs == Needs::kNoRoom ||
        (reservation.needs == Needs::kRoomInAny && any_has_room)) {
        answer.full.clear();
        answer.full_domains.clear();
    }
    if (!answer.IsGranted()) return answer;
    for (std::size_t i = 0; i < reservation.limits.size(); ++i) {
        const Limit& limit = reservation.limits[i];
        if (!held[i].stays) Hold(reservation, limit);
        const bool is_full = full_domains.contains(DomainOf(limit.mailbox)) ||
                             std::binary_search(full.begin(), full.end(), i);
        if (reservation.ends_fullness && !is_full) NoteRoom(limit.mailbox);
    }
    return answer;
}

void SqliteUsageFile::Hold(const Reservation& reservation, const Limit& limit) {
    database_->Run(
        "INSERT INTO reserved (mailbox, id, domain, bytes, copies, made, settled)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        " ON CONFLICT (mailbox, id) DO UPDATE SET bytes = excluded.bytes,"
        " copies = excluded.copies, settled = excluded.settled,"
        " made = CASE WHEN excluded.settled THEN excluded.made"
        " ELSE min(made, excluded.made) END",
        limit.mailbox, reservation.id, DomainOf(limit.mailbox),
        Stored(Loaded(Stored(reservation.bytes)) * limit.copies), Stored(limit.copies),
        Stored(now_ - reservation.age), reservation.settled);
}

bool SqliteUsageFile::IsMeasured(const Reservation& reservation, std::string_view mailbox) {
    if (reservation.age <= milliseconds(0)) return false;
    return database_->HasRow(
        "SELECT 1 FROM measured WHERE mailbox = ?1 AND began > ?2"
        " AND began <= ?3",
        mailbox, Stored(now_ - reservation.age + options_.reservation_grace), Ahead());
}

/// What is settled is not for an unsettled size to change, and what is told late may have been
/// measured since.
SqliteUsageFile::Held SqliteUsageFile::HeldBy(const Reservation& reservation,
                                              std::string_view mailbox) {
    Held held;
    Statement& select = database_->Prepared(
        "SELECT bytes, copies, settled FROM reserved WHERE mailbox = ?1 AND id = ?2", mailbox,
        reservation.id);
    if (select.Step()) {
        held.bytes = Loaded(select.Integer(0));
        held.copies = Loaded(select.Integer(1));
        held.stays = select.Integer(2) != 0 && !reservation.settled;
    } else {
        held.stays = IsMeasured(reservation, mailbox);
    }
    select.Reset();
    return held;
}

void SqliteUsageFile::Release(std::string_view id, std::string_view mailbox, Unreserve what) {
    BringUpToDate(DomainOf(mailbox));
    database_->Run("DELETE FROM reserved WHERE mailbox = ?1 AND id = ?2 AND (?3 OR NOT settled)",
                   mailbox, id, what == Unreserve::kEverything);
    if (sqlite3_changes(database_->Raw()) > 0) ForgetUnknown(mailbox);
}

void SqliteUsageFile::ForgetUnknown(std::string_view mailbox) {
    database_->Run(
        "DELETE FROM warned WHERE mailbox = ?1"
        " AND NOT EXISTS (SELECT 1 FROM measured WHERE mailbox = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM reserved WHERE mailbox = ?1)",
        mailbox);
}

/// Whether this is worth to be looked at by whoever warns.
bool SqliteUsageFile::HasChanged(const Measurement& measurement) {
    return !database_->HasRow(
        "SELECT 1 FROM measured JOIN warned USING (mailbox) WHERE mailbox = ?1 AND bytes = ?2"
        " AND messages = ?3"
        " AND (percent = 0 OR NOT EXISTS (SELECT 1 FROM reserved WHERE mailbox = ?1))",
        measurement.mailbox, Stored(measurement.bytes), Stored(measurement.messages));
}

void SqliteUsageFile::Commit(const Measurement& measurement, milliseconds grace) {
    BringUpToDate(DomainOf(measurement.mailbox));
    const bool is_misdated = Stored(measurement.began) > Ahead();
    const bool has_changed = options_.notes_changes && HasChanged(measurement);
    database_->Run(
        "INSERT INTO measured (mailbox, domain, bytes, messages, began)"
        " VALUES (?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT (mailbox) DO UPDATE SET bytes = excluded.bytes,"
        " messages = excluded.messages, began = excluded.began"
        " WHERE measured.began > ?6 OR (excluded.began > measured.began AND NOT ?7)",
        measurement.mailbox, DomainOf(measurement.mailbox), Stored(measurement.bytes),
        Stored(measurement.messages), Stored(is_misdated ? now_ : measurement.began), Ahead(),
        is_misdated);
    const bool is_news = sqlite3_changes(database_->Raw()) > 0;
    if (!is_news) return;
    if (has_changed) NoteChanged(measurement.mailbox);
    if (!is_misdated) {
        database_->Run("DELETE FROM reserved WHERE mailbox = ?1 AND made < ?2", measurement.mailbox,
                       Stored(measurement.began - grace));
    }
    // Only where something stays reserved does it matter.
    database_->Run(
        "UPDATE measured SET stored = ?2 WHERE mailbox = ?1"
        " AND EXISTS (SELECT 1 FROM reserved WHERE mailbox = ?1)",
        measurement.mailbox, Stored(now_));
}

void SqliteUsageFile::Remove(std::string_view mailbox) {
    BringUpToDate(DomainOf(mailbox));
    for (const char* const sql :
         {"DELETE FROM measured WHERE mailbox = ?1", "DELETE FROM reserved WHERE mailbox = ?1",
          "DELETE FROM fullness WHERE mailbox = ?1", "DELETE FROM warned WHERE mailbox = ?1",
          "DELETE FROM changed WHERE mailbox = ?1"})
        database_->Run(sql, mailbox);
}

void SqliteUsageFile::DropExpired() {
    const std::vector<std::string> domains = NamesIn(
        database_->Prepared("SELECT DISTINCT domain FROM reserved WHERE made < ?1", Oldest()));
    for (const std::string& domain : domains) BringUpToDate(domain);
}

std::vector<std::string> SqliteUsageFile::MeasuredMailboxes() {
    DropExpired();
    return NamesIn(database_->Prepared("SELECT mailbox FROM measured"));
}

std::vector<std::string> SqliteUsageFile::UnmeasuredMailboxes() {
    DropExpired();
    return NamesIn(
        database_->Prepared("SELECT DISTINCT mailbox FROM reserved WHERE NOT EXISTS"
                            " (SELECT 1 FROM measured WHERE measured.mailbox = reserved.mailbox)"));
}

void SqliteUsageFile::NoteAbsent(std::string_view mailbox, text::WallTime looked,
                                 milliseconds grace) {
    BringUpToDate(DomainOf(mailbox));
    if (Stored(looked) > Ahead()) return;
    database_->Run(
        "DELETE FROM reserved WHERE mailbox = ?1 AND made < ?2"
        " AND NOT EXISTS (SELECT 1 FROM measured WHERE measured.mailbox = ?1)",
        mailbox, Stored(looked - grace));
    if (sqlite3_changes(database_->Raw()) > 0) ForgetUnknown(mailbox);
}

Usage SqliteUsageFile::FindSite() {
    return UsageIn(database_->Prepared(
                       "SELECT coalesce(sum(bytes), 0), coalesce(sum(messages), 0),"
                       " coalesce(sum(reserved_bytes), 0), coalesce(sum(reserved_messages), 0)"
                       " FROM domains"))
        .value_or(Usage());
}

milliseconds SqliteUsageFile::NoteFull(std::string_view mailbox, milliseconds memory) {
    Statement& note = database_->Prepared(
        "INSERT INTO fullness (mailbox, since, until) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (mailbox) DO UPDATE SET until = excluded.until,"
        " since = CASE WHEN until < excluded.since THEN excluded.since"
        " ELSE min(since, excluded.since) END RETURNING since",
        mailbox, Stored(now_), Stored(now_ + memory));
    note.Step();
    const milliseconds since(note.Integer(0));
    note.Reset();
    return now_.time_since_epoch() - since;
}

void SqliteUsageFile::NoteRoom(std::string_view mailbox) {
    database_->Run("DELETE FROM fullness WHERE mailbox = ?1", mailbox);
}

bool SqliteUsageFile::IsKnown(std::string_view mailbox) {
    const Usage usage = MailboxWithout("", mailbox);
    return usage.measured_at || usage.reserved_messages > 0;
}

std::optional<std::uint64_t> SqliteUsageFile::WarnedOf(std::string_view mailbox) {
    std::optional<std::uint64_t> percent;
    Statement& select =
        database_->Prepared("SELECT percent FROM warned WHERE mailbox = ?1", mailbox);
    if (select.Step()) percent = Loaded(select.Integer(0));
    select.Reset();
    return percent;
}

std::optional<Filling> SqliteUsageFile::FindFilling(std::string_view mailbox) {
    BringUpToDate(DomainOf(mailbox));
    if (!IsKnown(mailbox)) return std::nullopt;
    Filling filling;
    filling.warned = WarnedOf(mailbox);
    const Usage usage = MailboxWithout("", mailbox);
    filling.most_bytes = usage.bytes + usage.reserved_bytes;
    filling.most_messages = usage.messages + usage.reserved_messages;
    Statement& since = database_->Prepared(
        "SELECT coalesce(sum(bytes), 0), coalesce(sum(copies), 0) FROM reserved"
        " WHERE mailbox = ?1 AND settled AND made >="
        " coalesce((SELECT max(began, stored) FROM measured WHERE mailbox = ?1), 0)",
        mailbox);
    if (since.Step()) {
        filling.bytes = usage.bytes + Loaded(since.Integer(0));
        filling.messages = usage.messages + Loaded(since.Integer(1));
    }
    since.Reset();
    return filling;
}

bool SqliteUsageFile::NoteWarned(std::string_view mailbox, std::optional<std::uint64_t> from,
                                 std::uint64_t to) {
    BringUpToDate(DomainOf(mailbox));
    if (!IsKnown(mailbox) || WarnedOf(mailbox) != from) return false;
    database_->Run("INSERT OR REPLACE INTO warned (mailbox, domain, percent) VALUES (?1, ?2, ?3)",
                   mailbox, DomainOf(mailbox), Stored(to));
    return true;
}

void SqliteUsageFile::NoteChanged(std::string_view mailbox) {
    database_->Run("INSERT OR IGNORE INTO changed (mailbox) VALUES (?1)", mailbox);
}

std::vector<std::string> SqliteUsageFile::TakeChanged(std::size_t most) {
    Statement& select = database_->Prepared("SELECT mailbox FROM changed LIMIT ?1",
                                            static_cast<std::int64_t>(most));
    const std::vector<std::string> names = NamesIn(select);
    for (const std::string& name : names)
        database_->Run("DELETE FROM changed WHERE mailbox = ?1", name);
    return names;
}

}  // namespace policyd::usage
