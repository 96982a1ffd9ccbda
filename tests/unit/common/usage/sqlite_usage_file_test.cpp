#include "common/usage/sqlite_usage_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/scratch_directory.hpp"

namespace policyd::usage {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Knows the connection that was opened last, while this lives.
class LastConnection {
public:
    LastConnection() { sqlite3_auto_extension(Extension()); }
    ~LastConnection() { sqlite3_cancel_auto_extension(Extension()); }
    LastConnection(const LastConnection&) = delete;
    LastConnection& operator=(const LastConnection&) = delete;

    /// What its kept statements have done since they were last asked, in steps of SQLite's virtual
    /// machine: as many on every machine, however long they take.
    static int TakeSteps() {
        int steps = 0;
        for (sqlite3_stmt* statement = sqlite3_next_stmt(opened, nullptr); statement != nullptr;
             statement = sqlite3_next_stmt(opened, statement))
            steps += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
        return steps;
    }

private:
    using Entry = void (*)();

    static int Note(sqlite3* database, char**, const sqlite3_api_routines*) {
        opened = database;
        return SQLITE_OK;
    }
    static Entry Extension() { return reinterpret_cast<Entry>(&Note); }

    inline static sqlite3* opened = nullptr;
};

class SqliteUsageFileTest : public testing::Test {
protected:
    using Operation = std::function<void(SqliteUsageFile&)>;

    SqliteUsageFile Open(const std::string& path) {
        SqliteUsageFile::Options options;
        options.path = path;
        options.clock = [] { return kNow; };
        options.notes_changes = true;
        return SqliteUsageFile(options);
    }

    static void Do(SqliteUsageFile& file, const Operation& operation) {
        const auto transact = [&operation](SqliteUsageFile& in) {
            operation(in);
            return true;
        };
        file.Transact(transact, SqliteUsageFile::Clock::now());
    }

    static std::optional<Usage> InDomain(SqliteUsageFile& file, std::string_view domain) {
        std::optional<Usage> usage;
        Do(file, [&usage, domain](SqliteUsageFile& in) { usage = in.FindDomain(domain); });
        return usage;
    }

    static Reservation OneIn(const std::string& mailbox, milliseconds age = milliseconds(0)) {
        Reservation reservation;
        reservation.id = "m1";
        reservation.bytes = 100;
        reservation.limits = {{mailbox}};
        reservation.needs = Needs::kNoRoom;
        reservation.age = age;
        return reservation;
    }

    /// A domain of so many measured mailboxes, each with a message that is reserved, and of one
    /// where nothing but that is known; all are looked at by whoever warns.
    static void Fill(SqliteUsageFile& file, int mailboxes) {
        Do(file, [mailboxes](SqliteUsageFile& in) {
            for (int i = 0; i < mailboxes; ++i) {
                const std::string mailbox = "m" + std::to_string(i) + "@example.com";
                in.Commit({mailbox, 1000, 1, kNow - seconds(60)}, seconds(300));
                in.Reserve(OneIn(mailbox));
                in.NoteWarned(mailbox, std::nullopt, 0);
            }
            in.Reserve(OneIn("new@example.com"));
            in.NoteWarned("new@example.com", std::nullopt, 0);
        });
    }

    int StepsOf(const Operation& operation, int mailboxes) {
        const test::ScratchDirectory directory;
        const LastConnection connection;
        SqliteUsageFile file = Open(directory / "usage.sqlite");
        Fill(file, mailboxes);
        connection.TakeSteps();
        Do(file, operation);
        return connection.TakeSteps();
    }

    static constexpr text::WallTime kNow{hours(500'000)};
};

TEST_F(SqliteUsageFileTest, CallsCostTheSameHoweverManyMailboxesADomainHas) {
    const std::pair<std::string_view, Operation> calls[] = {
        {"Find", [](SqliteUsageFile& file) { file.Find("m1@example.com"); }},
        {"Find after something has expired",
         [](SqliteUsageFile& file) {
             file.Reserve(OneIn("late@example.com", hours(25)));
             file.Find("late@example.com");
         }},
        {"FindDomain", [](SqliteUsageFile& file) { file.FindDomain("example.com"); }},
        {"FindSite", [](SqliteUsageFile& file) { file.FindSite(); }},
        {"Reserve",
         [](SqliteUsageFile& file) {
             Reservation reservation = OneIn("m1@example.com");
             reservation.id = "m2";
             reservation.domain_limits = {{"example.com", 1'000'000'000}};
             file.Reserve(reservation);
         }},
        {"Release",
         [](SqliteUsageFile& file) {
             file.Release("m1", "new@example.com", Unreserve::kEverything);
         }},
        {"Commit",
         [](SqliteUsageFile& file) {
             file.Commit({"m1@example.com", 2000, 2, kNow}, seconds(300));
         }},
        {"Remove", [](SqliteUsageFile& file) { file.Remove("m1@example.com"); }},
        {"NoteAbsent",
         [](SqliteUsageFile& file) {
             file.NoteAbsent("new@example.com", kNow + milliseconds(500), milliseconds(0));
         }},
        {"NoteFull", [](SqliteUsageFile& file) { file.NoteFull("m1@example.com", hours(1)); }},
        {"NoteRoom", [](SqliteUsageFile& file) { file.NoteRoom("m1@example.com"); }},
        {"FindFilling", [](SqliteUsageFile& file) { file.FindFilling("m1@example.com"); }},
        {"NoteWarned", [](SqliteUsageFile& file) { file.NoteWarned("m1@example.com", 0, 80); }},
        {"TakeChanged", [](SqliteUsageFile& file) { file.TakeChanged(5); }},
    };
    for (const auto& [name, call] : calls) EXPECT_EQ(StepsOf(call, 10), StepsOf(call, 200)) << name;
}

/// As the first versions made their files.
constexpr const char* kOldFile =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE measured (mailbox TEXT PRIMARY KEY, domain TEXT NOT NULL, bytes INTEGER NOT NULL,"
    " messages INTEGER NOT NULL, began INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX measured_domain ON measured (domain, bytes, messages);"
    "CREATE TABLE reserved (mailbox TEXT NOT NULL, id TEXT NOT NULL, domain TEXT NOT NULL,"
    " bytes INTEGER NOT NULL, copies INTEGER NOT NULL, made INTEGER NOT NULL,"
    " PRIMARY KEY (mailbox, id)) WITHOUT ROWID;"
    "CREATE INDEX reserved_domain ON reserved (domain, made, bytes, copies);"
    "INSERT INTO measured VALUES ('ann@example.com', 'example.com', 1000, 3, 1),"
    " ('bob@example.com', 'example.com', 200, 2, 1), ('zoe@example.org', 'example.org', 70, 1, 1);"
    "INSERT INTO reserved VALUES ('bob@example.com', 'm1', 'example.com', 30, 1, 1800000000000000),"
    " ('new@example.com', 'm1', 'example.com', 60, 2, 1800000000000000);";

TEST_F(SqliteUsageFileTest, FilesOfOlderProgramsGetTheSumsOfTheirDomains) {
    const test::ScratchDirectory directory;
    const std::string path = directory / "usage.sqlite";
    sqlite::Database(path, sqlite::Database::Mode::kReadWrite, seconds(1)).Execute(kOldFile);
    SqliteUsageFile file = Open(path);
    EXPECT_EQ(InDomain(file, "example.com"), (Usage{1200, 5, 90, 3, {}}));
    EXPECT_EQ(InDomain(file, "example.org"), (Usage{70, 1, 0, 0, {}}));
    EXPECT_EQ(InDomain(file, "example.net"), std::nullopt);
    Do(file, [](SqliteUsageFile& in) {
        EXPECT_EQ(in.FindSite(), (Usage{1270, 6, 90, 3, {}}));
        in.Remove("bob@example.com");
        in.Release("m1", "new@example.com", Unreserve::kEverything);
        in.Remove("zoe@example.org");
    });
    SqliteUsageFile again = Open(path);
    EXPECT_EQ(InDomain(again, "example.com"), (Usage{1000, 3, 0, 0, {}}));
    EXPECT_EQ(InDomain(again, "example.org"), std::nullopt);
}

TEST_F(SqliteUsageFileTest, SumsOfDomainsAreRightWhoeverWrites) {
    const test::ScratchDirectory directory;
    const std::string path = directory / "usage.sqlite";
    SqliteUsageFile file = Open(path);
    Fill(file, 2);
    EXPECT_EQ(InDomain(file, "example.com"), (Usage{2000, 2, 300, 3, {}}));
    sqlite::Database other(path, sqlite::Database::Mode::kReadWrite, seconds(1));
    other.Execute(
        "UPDATE measured SET bytes = 1700, messages = 4 WHERE mailbox = 'm0@example.com';"
        "DELETE FROM measured WHERE mailbox = 'm1@example.com';"
        "UPDATE reserved SET bytes = 50, copies = 2 WHERE mailbox = 'm1@example.com';"
        "DELETE FROM reserved WHERE mailbox = 'new@example.com'");
    EXPECT_EQ(InDomain(file, "example.com"), (Usage{1700, 4, 150, 3, {}}));
}

TEST_F(SqliteUsageFileTest, SumsOfDomainsAreMadeAnewWhereATableWasLost) {
    for (const char* const table : {"measured", "reserved", "domains"}) {
        const test::ScratchDirectory directory;
        const std::string path = directory / "usage.sqlite";
        SqliteUsageFile file = Open(path);
        Fill(file, 2);
        sqlite::Database(path, sqlite::Database::Mode::kReadWrite, seconds(1))
            .Execute(std::string("DROP TABLE ") + table);
        SqliteUsageFile again = Open(path);
        Fill(again, 2);
        EXPECT_EQ(InDomain(again, "example.com"), (Usage{2000, 2, 300, 3, {}})) << table;
    }
}

}  // namespace
}  // namespace policyd::usage
