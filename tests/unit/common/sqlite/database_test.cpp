#include "common/sqlite/database.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/support/scratch_directory.hpp"
#include "tests/support/small_disk.hpp"

namespace policyd::sqlite {
namespace {

class DatabaseTest : public testing::Test {
protected:
    Database Open(Database::Mode mode = Database::Mode::kReadWrite) {
        return Database(scratch / "db", mode, std::chrono::milliseconds(0));
    }

    test::ScratchDirectory scratch;
};

TEST_F(DatabaseTest, GivesBackTextNumbersAndNulls) {
    Database database = Open();
    database.Execute("CREATE TABLE t(a, b, c); INSERT INTO t VALUES ('é', 1 << 40, NULL)");

    Statement& select = database.Prepared("SELECT a, b, c FROM t WHERE a = ?1 AND b > ?2");
    select.Bind(1, "é");
    select.Bind(2, std::int64_t{5});
    ASSERT_TRUE(select.Step());
    EXPECT_EQ(select.Text(0), "é");
    EXPECT_EQ(select.Integer(1), 1LL << 40);
    EXPECT_EQ(select.Text(2), std::nullopt);
    EXPECT_FALSE(select.Step());
}

TEST_F(DatabaseTest, AllItsFilesAreForTheGroupAsWellWhereTheUmaskAllowsIt) {
    const mode_t former = umask(0007);
    Database database = Open();
    database.Execute("PRAGMA journal_mode=WAL; CREATE TABLE t(a)");
    umask(former);
    for (const char* file : {"db", "db-wal", "db-shm"}) {
        struct stat status {};
        ASSERT_EQ(stat((scratch / file).c_str(), &status), 0) << file;
        EXPECT_EQ(status.st_mode & 0777, 0660u) << file;
    }
}

TEST_F(DatabaseTest, SaysWhatTheSystemSaidOfAFile) {
    try {
        Database(scratch / "missing/db", Database::Mode::kReadWrite, std::chrono::milliseconds(0));
        FAIL() << "was opened";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("missing/db: unable to open database file: "
                                                     "No such file or directory"));
    }
}

TEST_F(DatabaseTest, RootWritesNothingThatALinkOfAnotherLeadsTo) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    const std::filesystem::path link = scratch / "db";
    const std::filesystem::path file = scratch / "elsewhere/db";
    std::filesystem::create_directory(file.parent_path());
    std::filesystem::create_symlink("elsewhere/db", link);
    for (const auto& path : {scratch.Path(), link})
        ASSERT_EQ(lchown(path.c_str(), 12'345, 12'345), 0);
    try {
        Open();
        FAIL() << "was opened";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("db: is a symbolic link"));
    }
    EXPECT_FALSE(std::filesystem::exists(file));
    ASSERT_EQ(chown(scratch.Path().c_str(), 0, 0), 0);
    Open().Execute("CREATE TABLE t(a)");
    EXPECT_TRUE(std::filesystem::exists(file)) << "by a link of root's own";
}

TEST_F(DatabaseTest, TellsAReadOnlyDiskFromAFileThatIsNotThere) {
    const test::SmallDisk disk(1536);
    if (!disk.IsThere()) GTEST_SKIP() << "no tmpfs can be mounted here";
    const auto open = [&disk] {
        return Database(disk / "db", Database::Mode::kReadWrite, std::chrono::milliseconds(0));
    };
    open().Execute("PRAGMA journal_mode = WAL; CREATE TABLE t(a)");
    disk.MakeReadOnly();
    try {
        open().Execute("SELECT * FROM t");
        FAIL() << "was read";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr(": Read-only file system"));
    }
}

TEST_F(DatabaseTest, NeedsAMegabyteBesideAFileWithAWriteAheadLog) {
    EXPECT_NO_THROW(RequireRoom(scratch / "db"));
    EXPECT_NO_THROW(RequireRoom("/proc/db")) << "has no size";
    const test::SmallDisk disk(1536);
    if (!disk.IsThere()) GTEST_SKIP() << "no tmpfs can be mounted here";
    EXPECT_NO_THROW(RequireRoom(disk / "db"));
    disk.Fill(900);
    try {
        RequireRoom(disk / "db");
        FAIL() << "there is room";
    } catch (const Error& error) {
        EXPECT_TRUE(error.IsOfFile());
        EXPECT_THAT(error.what(), testing::HasSubstr("disk is full"));
    }
}

TEST_F(DatabaseTest, NeedsTheMegabyteOnTheDiskThatALinkLeadsTo) {
    const test::SmallDisk disk(1536);
    if (!disk.IsThere()) GTEST_SKIP() << "no tmpfs can be mounted here";
    const std::filesystem::path to_disk = scratch / "db";
    const std::filesystem::path from_disk = disk / "db";
    std::filesystem::create_symlink(disk / "real", to_disk);
    std::filesystem::create_directory(scratch / "sub");
    std::filesystem::create_symlink(scratch / "sub/link", from_disk);
    std::filesystem::create_symlink("../real", scratch / "sub/link");
    disk.Fill(900);
    for (const bool exists : {false, true}) {
        SCOPED_TRACE(exists);
        if (exists) {
            std::ofstream(disk / "real");
            std::ofstream(scratch / "real");
        }
        EXPECT_THROW(RequireRoom(to_disk), Error);
        EXPECT_NO_THROW(RequireRoom(from_disk));
    }
    EXPECT_THROW(RequireRoom(disk / "other"), Error);
}

TEST_F(DatabaseTest, APreparedStatementStartsAfresh) {
    Database database = Open();
    Statement& first = database.Prepared("SELECT ?1");
    first.Bind(1, "x");
    ASSERT_TRUE(first.Step());

    Statement& again = database.Prepared("SELECT ?1");
    EXPECT_EQ(&again, &first);
    ASSERT_TRUE(again.Step());
    EXPECT_EQ(again.Text(0), std::nullopt);
}

TEST_F(DatabaseTest, MakesAMissingFileForWritingOnly) {
    EXPECT_THROW(Open(Database::Mode::kReadOnly), Error);
    Open().Execute("CREATE TABLE t(a)");
    EXPECT_THROW(Open(Database::Mode::kReadOnly).Execute("INSERT INTO t VALUES (1)"), Error);
}

TEST_F(DatabaseTest, NamesTheFileInErrors) {
    try {
        Open().Prepare("SELECT * FROM nowhere");
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find(scratch / "db"), std::string::npos);
        EXPECT_NE(std::string(error.what()).find("nowhere"), std::string::npos);
    }
}

TEST_F(DatabaseTest, RollsBackATransactionThatIsNotCommitted) {
    Database database = Open();
    database.Execute("CREATE TABLE t(a)");
    {
        const Transaction abandoned(database);
        database.Execute("INSERT INTO t VALUES (1)");
    }
    Transaction kept(database);
    database.Execute("INSERT INTO t VALUES (2)");
    kept.Commit();

    Statement select = database.Prepare("SELECT sum(a) FROM t");
    ASSERT_TRUE(select.Step());
    EXPECT_EQ(select.Integer(0), 2);
}

TEST_F(DatabaseTest, WritesAfterOthersHaveAlthoughASelectWasLeftOnARow) {
    Database ours = Open();
    ours.Execute("PRAGMA journal_mode = WAL; CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)");
    {
        Transaction transaction(ours);
        ASSERT_TRUE(ours.Prepared("SELECT a FROM t").Step());
        transaction.Commit();
    }
    Database theirs = Open();
    theirs.Execute("INSERT INTO t VALUES (3)");

    Transaction transaction(ours);
    ours.Execute("INSERT INTO t VALUES (4)");
    EXPECT_NO_THROW(transaction.Commit());
}

TEST_F(DatabaseTest, RefusesToRunATextWithoutAStatement) {
    Database database = Open();
    Statement nothing = database.Prepare(" -- nothing");
    EXPECT_FALSE(nothing.IsStatement());
    EXPECT_THROW(nothing.Step(), Error);
}

}  // namespace
}  // namespace policyd::sqlite
