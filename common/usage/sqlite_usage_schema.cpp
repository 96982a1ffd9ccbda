#include "common/usage/sqlite_usage_schema.hpp"

namespace policyd::usage {

namespace {

/// Times are milliseconds since 1970. A mailbox that was only ever reserved in has no row in
/// `measured`; `bytes` of a reservation are those of all its copies.
constexpr const char* kTables =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "CREATE TABLE IF NOT EXISTS measured ("
    " mailbox TEXT PRIMARY KEY, domain TEXT NOT NULL, bytes INTEGER NOT NULL,"
    " messages INTEGER NOT NULL, began INTEGER NOT NULL,"
    " stored INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS reserved ("
    " mailbox TEXT NOT NULL, id TEXT NOT NULL, domain TEXT NOT NULL, bytes INTEGER NOT NULL,"
    " copies INTEGER NOT NULL, made INTEGER NOT NULL, settled INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY (mailbox, id)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS reserved_domain ON reserved (domain, made);"
    "CREATE TABLE IF NOT EXISTS fullness ("
    " mailbox TEXT PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS warned ("
    " mailbox TEXT PRIMARY KEY, domain TEXT NOT NULL, percent INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS changed (mailbox TEXT PRIMARY KEY) WITHOUT ROWID;";

/// Files that were made before reservations were settled.
constexpr const char* kLacksSettled =
    "SELECT 1 WHERE NOT EXISTS"
    " (SELECT 1 FROM pragma_table_info('reserved') WHERE name = 'settled')";

/// Files that were made before it was kept when a measurement was stored.
constexpr const char* kLacksStored =
    "SELECT 1 WHERE NOT EXISTS"
    " (SELECT 1 FROM pragma_table_info('measured') WHERE name = 'stored')";

/// Files that were made before sums were kept, or have lost a table: its triggers go with it.
constexpr const char* kLacksDomains =
    "SELECT 1 WHERE (SELECT count(*) FROM sqlite_schema WHERE name GLOB 'domains*') < 7";

/// What the rows of a domain come to, `entries` of them. Triggers keep it, so that it is right
/// whoever writes, an older program as well. Not sum(), which fails where it overflows.
constexpr const char* kDomains =
    "DROP INDEX IF EXISTS measured_domain;"  // sums were made with it
    "DROP TABLE IF EXISTS domains;"
    "CREATE TABLE domains ("
    " domain TEXT PRIMARY KEY, bytes INTEGER NOT NULL, messages INTEGER NOT NULL,"
    " reserved_bytes INTEGER NOT NULL, reserved_messages INTEGER NOT NULL,"
    " entries INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO domains SELECT domain, CAST(total(bytes) AS INTEGER),"
    " CAST(total(messages) AS INTEGER), CAST(total(reserved_bytes) AS INTEGER),"
    " CAST(total(reserved_messages) AS INTEGER), count(*) FROM"
    " (SELECT domain, bytes, messages, 0 AS reserved_bytes, 0 AS reserved_messages FROM measured"
    " UNION ALL SELECT domain, 0, 0, bytes, copies FROM reserved) GROUP BY domain;"

    "CREATE TRIGGER IF NOT EXISTS domains_measured_insert AFTER INSERT ON measured BEGIN"
    " INSERT INTO domains VALUES (new.domain, new.bytes, new.messages, 0, 0, 1)"
    " ON CONFLICT (domain) DO UPDATE SET bytes = bytes + excluded.bytes,"
    " messages = messages + excluded.messages, entries = entries + 1; END;"
    "CREATE TRIGGER IF NOT EXISTS domains_measured_update AFTER UPDATE OF bytes, messages"
    " ON measured WHEN new.bytes <> old.bytes OR new.messages <> old.messages BEGIN"
    " UPDATE domains SET bytes = bytes + new.bytes - old.bytes,"
    " messages = messages + new.messages - old.messages WHERE domain = new.domain; END;"
    "CREATE TRIGGER IF NOT EXISTS domains_measured_delete AFTER DELETE ON measured BEGIN"
    " UPDATE domains SET bytes = bytes - old.bytes, messages = messages - old.messages,"
    " entries = entries - 1 WHERE domain = old.domain;"
    " DELETE FROM domains WHERE domain = old.domain AND entries = 0; END;"

    "CREATE TRIGGER IF NOT EXISTS domains_reserved_insert AFTER INSERT ON reserved BEGIN"
    " INSERT INTO domains VALUES (new.domain, 0, 0, new.bytes, new.copies, 1)"
    " ON CONFLICT (domain) DO UPDATE SET reserved_bytes = reserved_bytes + excluded.reserved_bytes,"
    " reserved_messages = reserved_messages + excluded.reserved_messages,"
    " entries = entries + 1; END;"
    "CREATE TRIGGER IF NOT EXISTS domains_reserved_update AFTER UPDATE OF bytes, copies"
    " ON reserved WHEN new.bytes <> old.bytes OR new.copies <> old.copies BEGIN"
    " UPDATE domains SET reserved_bytes = reserved_bytes + new.bytes - old.bytes,"
    " reserved_messages = reserved_messages + new.copies - old.copies"
    " WHERE domain = new.domain; END;"
    "CREATE TRIGGER IF NOT EXISTS domains_reserved_delete AFTER DELETE ON reserved BEGIN"
    " UPDATE domains SET reserved_bytes = reserved_bytes - old.bytes,"
    " reserved_messages = reserved_messages - old.copies, entries = entries - 1"
    " WHERE domain = old.domain;"
    " DELETE FROM domains WHERE domain = old.domain AND entries = 0; END;";

}  // namespace

void BringSchemaUpToDate(sqlite::Database& database) {
    database.Execute(kTables);
    if (database.HasRow(kLacksSettled))
        database.Execute("ALTER TABLE reserved ADD COLUMN settled INTEGER NOT NULL DEFAULT 0");
    if (database.HasRow(kLacksStored))
        database.Execute("ALTER TABLE measured ADD COLUMN stored INTEGER NOT NULL DEFAULT 0");
    if (!database.HasRow(kLacksDomains)) return;
    sqlite::Transaction transaction(database);
    // Another program may have done it meanwhile.
    if (!database.HasRow(kLacksDomains)) return;
    database.Execute(kDomains);
    transaction.Commit();
}

}  // namespace policyd::usage
