// What can happen to the files that policyd works with: SQLite tables and usage locked, damaged,
// removed, replaced, on a disk that is full or read-only, and logs on a full disk. Mail flows,
// nothing is refused for good, /health says what is wrong, and recovery is noticed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>

#include "common/sqlite/database.hpp"
#include "tests/integration/small_site.hpp"
#include "tests/support/small_disk.hpp"

namespace policyd::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const char* const kJoe = "joe@example.com";
const char* const kNobody = "nobody@example.com";

sqlite::Database OpenDatabase(const fs::path& file) {
    return {file.string(), sqlite::Database::Mode::kReadWrite, milliseconds(5'000)};
}

class FaultFilesTest : public testing::Test {
protected:
    void Start() {
        site_.Write(options_);
        policyd_ = std::make_unique<PolicydProcess>(site_.Config(), site_.Socket());
    }

    std::string Ask(const std::string& recipient, std::uint64_t size = 100,
                    const std::string& instance = "") const {
        return PolicyClient(site_.Socket())
            .Ask(RequestText({{"recipient", recipient},
                              {"size", std::to_string(size)},
                              {"instance", instance}}));
    }

    std::string Health() const { return HttpGet(site_.MetricsPort(), "/health").body; }

    SmallSite site_;
    SmallSite::Options options_{{"stale_time", "\"0s\""}};
    std::unique_ptr<PolicydProcess> policyd_;
};

/// Mailboxes in an SQLite table.
class FaultSqliteTableTest : public FaultFilesTest {
protected:
    FaultSqliteTableTest() {
        MakeUsers(users_);
        const fs::path table = site_.Directory().Write(
            "users.cf",
            "dbpath = " + users_.string() + "\nquery = SELECT email FROM users WHERE email='%s'\n");
        options_["virtual_mailbox_maps"] = SmallSite::Quoted("sqlite:" + table.string());
        Start();
        ExpectAllWell();
    }

    static void MakeUsers(const fs::path& file) {
        OpenDatabase(file).Execute(
            "CREATE TABLE users (email TEXT PRIMARY KEY);"
            "INSERT INTO users VALUES ('joe@example.com')");
    }
    void ExpectAllWell() const {
        EXPECT_EQ(Ask(kJoe), "DUNNO");
        EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 "));
    }
    void ExpectOutage() const {
        for (int i = 0; i < 5; ++i) {
            EXPECT_THAT(Ask(kJoe), StartsWith("DEFER_IF_PERMIT 4.3.0 "));
            EXPECT_THAT(Ask(kNobody), StartsWith("DEFER_IF_PERMIT 4.3.0 "));
        }
    }
    void ExpectDegraded() const {
        EXPECT_EQ(Health(), "degraded\nsqlite:" + users_.string() + "\n");
    }
    void WaitForRecovery() const {
        WaitUntil("recovery", [this] { return Ask(kNobody).starts_with("550 "); });
        ExpectAllWell();
        EXPECT_EQ(Health(), "ready\n");
    }

    const fs::path users_ = site_.Directory() / "users.sqlite";
};

TEST_F(FaultSqliteTableTest, SomebodyLocksTheFileForLong) {
    sqlite::Database writer = OpenDatabase(users_);
    writer.Execute("BEGIN EXCLUSIVE");
    ExpectOutage();
    ExpectDegraded();
    writer.Execute("COMMIT");
    WaitForRecovery();
}

TEST_F(FaultSqliteTableTest, TheFileIsDamagedAndReplaced) {
    std::ofstream(users_, std::ios::trunc) << std::string(10'000, 'x');
    ExpectOutage();
    ExpectDegraded();
    const fs::path sound = site_.Directory() / "sound.sqlite";
    MakeUsers(sound);
    fs::rename(sound, users_);
    WaitForRecovery();
}

TEST_F(FaultSqliteTableTest, TheFileIsAwayForAWhile) {
    const fs::path elsewhere = site_.Directory() / "elsewhere.sqlite";
    fs::rename(users_, elsewhere);
    // Who has it open goes on with it; who has not, cannot.
    EXPECT_THAT(Ask(kJoe), Not(StartsWith("5")));
    fs::rename(elsewhere, users_);
    WaitForRecovery();
}

TEST_F(FaultSqliteTableTest, TheTableIsGoneAndComesBack) {
    OpenDatabase(users_).Execute("ALTER TABLE users RENAME TO others");
    ExpectOutage();
    EXPECT_EQ(Health(), "ready\n") << "the file can be read";
    EXPECT_THAT(policyd_->Output(), HasSubstr("users.cf")) << "which table it is";
    OpenDatabase(users_).Execute("ALTER TABLE others RENAME TO users");
    WaitForRecovery();
}

TEST_F(FaultSqliteTableTest, TheColumnIsGoneAndComesBack) {
    OpenDatabase(users_).Execute("ALTER TABLE users RENAME COLUMN email TO address");
    ExpectOutage();
    OpenDatabase(users_).Execute("ALTER TABLE users RENAME COLUMN address TO email");
    WaitForRecovery();
}

/// Usage in SQLite, on a disk of its own; joe has a limit of 1000 bytes.
class FaultSqliteUsageTest : public FaultFilesTest {
protected:
    FaultSqliteUsageTest() {
        options_["virtual_mailbox_limit_maps"] = "[\"inline:{joe@example.com=1000}\"]";
        options_["usage_store"] = SmallSite::Quoted("sqlite:" + usage_.string());
    }
    void SetUp() override {
        if (!disk_.IsThere()) GTEST_SKIP() << "no tmpfs can be mounted here";
    }

    void ExpectQuotaIsKept() const {
        EXPECT_EQ(Ask(kJoe, 1000), "DUNNO");
        EXPECT_THAT(Ask(kJoe, 1001), StartsWith("552 5.2.2 "));
    }
    /// Mail flows, and recipients are checked as always.
    void ExpectOutage() {
        for (int i = 0; i < 5; ++i) {
            EXPECT_EQ(Ask(kJoe, 100, "outage " + std::to_string(++messages_)), "DUNNO");
            EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 "));
        }
        EXPECT_EQ(Health(), "degraded\nsqlite:" + usage_.string() + "\n");
    }
    void WaitForRecovery() {
        WaitUntil("recovery", [this] { return Ask(kJoe, 1001).starts_with("552 "); });
        WaitUntil("/health to be ready",
                  [this] { return Ask(kJoe, 1) == "DUNNO" && Health() == "ready\n"; });
        EXPECT_EQ(Ask(kJoe, 100, "after " + std::to_string(++messages_)), "DUNNO");
    }

    const SmallDisk disk_{4096};
    const fs::path usage_ = disk_ / "usage.sqlite";
    int messages_ = 0;
};

TEST_F(FaultSqliteUsageTest, SomebodyLocksTheFileForLong) {
    Start();
    ExpectQuotaIsKept();
    sqlite::Database writer = OpenDatabase(usage_);
    writer.Execute("BEGIN IMMEDIATE");
    ExpectOutage();
    writer.Execute("COMMIT");
    WaitForRecovery();
}

TEST_F(FaultSqliteUsageTest, TheDiskIsFullAndHasRoomAgain) {
    Start();
    ExpectQuotaIsKept();
    // SQLite gives room back when it closes its file after an error, and may then write again.
    WaitUntil("the disk to be noticed", [this] {
        disk_.Fill();
        EXPECT_EQ(Ask(kJoe, 1, "filling " + std::to_string(++messages_)), "DUNNO");
        return policyd_->Output().find("database or disk is full") != std::string::npos;
    });
    disk_.MakeRoom();
    WaitForRecovery();
}

/// There, SQLite's write-ahead log has the process killed that writes to what is mapped.
TEST_F(FaultFilesTest, TheDiskForTheUsageHasBlocksSmallerThanPagesAndIsNearlyFull) {
    options_["virtual_mailbox_limit_maps"] = "[\"inline:{joe@example.com=1000}\"]";
    for (const int kilobytes_left : {4, 16, 24, 48, 64, 160}) {
        SCOPED_TRACE(kilobytes_left);
        // One of its own: what is removed is free as late as the file system likes.
        const SmallDisk disk(8192, SmallDisk::Kind::kSmallerBlocks);
        if (!disk.IsThere()) GTEST_SKIP() << "no loop mounts here";
        options_["usage_store"] = SmallSite::Quoted("sqlite:" + (disk / "usage.sqlite").string());
        disk.Fill(kilobytes_left);
        Start();
        EXPECT_EQ(Ask(kJoe, 100), "DUNNO");
        WaitUntil("the disk to be told of", [this] {
            return policyd_->Output().find("disk is full: less than a megabyte is left") !=
                   std::string::npos;
        });
        disk.MakeRoom();
        WaitUntil("recovery", [this] { return Ask(kJoe, 1001).starts_with("552 "); });
        EXPECT_EQ(policyd_->Stop(), 0);
    }
}

TEST_F(FaultSqliteUsageTest, TheDiskIsReadOnlyAtFirst) {
    Start();
    ExpectQuotaIsKept();
    EXPECT_EQ(policyd_->Stop(), 0);
    disk_.MakeReadOnly();
    policyd_->Start();
    ExpectOutage();
    disk_.MakeWritable();
    WaitForRecovery();
}

TEST_F(FaultSqliteUsageTest, TheFileIsDamagedAndRemoved) {
    Start();
    ExpectQuotaIsKept();
    EXPECT_EQ(policyd_->Stop(), 0);
    std::ofstream(usage_, std::ios::trunc) << std::string(10'000, 'x');
    policyd_->Start();
    ExpectOutage();
    fs::remove(usage_);
    WaitForRecovery();
}

TEST_F(FaultSqliteUsageTest, TheFileIsRemovedAndCountingBeginsAnewWhereOthersLook) {
    Start();
    ExpectQuotaIsKept();
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(usage_.string() + suffix);
    // A connection that is closed gives back what it has reserved.
    PolicyClient postfix(site_.Socket());
    EXPECT_EQ(postfix.Ask(RequestText({{"recipient", kJoe}, {"size", "900"}, {"instance", "m"}})),
              "DUNNO");
    sqlite::Database file = OpenDatabase(usage_);
    sqlite::Statement reserved = file.Prepare("SELECT sum(bytes) FROM reserved");
    ASSERT_TRUE(reserved.Step());
    EXPECT_EQ(reserved.Integer(0), 900);
}

TEST_F(FaultSqliteUsageTest, SomebodyDropsItsTables) {
    Start();
    ExpectQuotaIsKept();
    OpenDatabase(usage_).Execute("DROP TABLE reserved; DROP TABLE measured");
    EXPECT_EQ(Ask(kJoe, 100, "without tables"), "DUNNO");
    WaitForRecovery();
}

TEST_F(FaultFilesTest, TheDiskForTheLogIsFullAndHasRoomAgain) {
    const SmallDisk disk(64);
    if (!disk.IsThere()) GTEST_SKIP() << "no tmpfs can be mounted here";
    options_["log_destination"] = SmallSite::Quoted("file:" + (disk / "policyd.log").string());
    Start();
    disk.Fill();
    const auto malformed = [this] { PolicyClient(site_.Socket()).TrySend("no request\n\n"); };
    WaitUntil("lines to be lost", [&] {
        malformed();
        policyd_->Signal(SIGHUP);
        EXPECT_EQ(Ask(kJoe), "DUNNO");
        return site_.Metric("policyd_log_lines_lost_total") > 0;
    });
    disk.MakeRoom();
    policyd_->Signal(SIGHUP);
    WaitUntil("lines to be written again", [&] {
        return ReadFile(disk / "policyd.log").find("reloaded: ") != std::string::npos;
    });
}

TEST_F(FaultFilesTest, ALogThatWasRotatedAwayIsGoneOnWithAfterAHangUp) {
    const fs::path log = site_.Directory() / "policyd.log";
    options_["log_destination"] = SmallSite::Quoted("file:" + log.string());
    Start();
    fs::rename(log, log.string() + ".1");
    policyd_->Signal(SIGHUP);
    WaitUntil("a new file", [&] {
        return fs::exists(log) && ReadFile(log).find("reloaded: ") != std::string::npos;
    });
}

}  // namespace
}  // namespace policyd::test
