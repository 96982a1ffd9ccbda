#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "common/config/config_error.hpp"
#include "common/sqlite/database.hpp"
#include "tests/contract/database_table_fixture.hpp"
#include "tests/support/own_hosts.hpp"
#include "tests/support/process.hpp"
#include "tests/support/silent_server.hpp"

namespace policyd::tables {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using DatabaseOutageTest = DatabaseTableTest;

/// Those that were ever tried, with the one that asks.
unsigned long Connections() {
    const std::string shown = MariaDb().Execute("SHOW GLOBAL STATUS LIKE 'Connections'");
    return std::stoul(shown.substr(shown.rfind('\t') + 1));
}

TEST_F(DatabaseOutageTest, AServerThatIsDownIsNotAMissAndAnswersAgainWhenItIsUp) {
    LookupTable& table = OpenMysql(MariaDb().Hosts());
    EXPECT_EQ(Find(table), "1");
    MariaDb().Stop();
    EXPECT_THAT(Failure(table), HasSubstr("table.cf: mysql: unix:"));
    EXPECT_THAT(Failure(table), HasSubstr("table.cf: mysql: unix:"));
    MariaDb().Start();
    EXPECT_EQ(Find(table), "1");
}

TEST_F(DatabaseOutageTest, AServerThatWasRestartedMeanwhileIsNotNoticed) {
    LookupTable& table = OpenMysql(MariaDb().Hosts());
    EXPECT_EQ(Find(table), "1");
    MariaDb().Stop();
    MariaDb().Start();
    EXPECT_EQ(Find(table), "1");
}

TEST_F(DatabaseOutageTest, AServerThatHangsIsGivenUpAfterTheTimeLimit) {
    time_limit = std::chrono::seconds(1);
    LookupTable& table = OpenMysql("inet:127.0.0.1:" + std::to_string(MariaDb().Port()));
    EXPECT_EQ(Find(table), "1");
    MariaDb().Pause();
    EXPECT_THAT(Failure(table), HasSubstr("inet:127.0.0.1:"));
    EXPECT_THAT(Failure(table), Not(HasSubstr("no failure")));
    MariaDb().Resume();
    test::WaitUntil("the table answers again",
                    [&] { return Failure(table) == "no failure, but 1"; });
}

/// What comes of several questions to servers of which nothing is known yet.
class SilentServerTest : public DatabaseTableTest {
protected:
    SilentServerTest() { time_limit = std::chrono::seconds(2); }

    std::vector<std::string> Answers(const std::string& hosts) {
        std::vector<std::string> answers;
        for (int i = 0; i < 6; ++i) answers.push_back(Failure(OpenMysql(hosts)));
        return answers;
    }

    const std::string port = std::to_string(MariaDb().Port());
};

TEST_F(SilentServerTest, ASilentServerKeepsNobodyFromOneThatAnswers) {
    const test::SilentServer silent;
    EXPECT_THAT(
        Answers("inet:127.0.0.1:" + std::to_string(silent.Port()) + " inet:127.0.0.1:" + port),
        Each("no failure, but 1"));
}

TEST_F(SilentServerTest, ASilentAddressOfANameKeepsNobodyFromOneThatAnswers) {
    const test::SilentServer silent(MariaDb().Port());
    const auto ask = [this] {
        EXPECT_THAT(Answers("two.test:" + port), Each("no failure, but 1"));
    };
    if (!test::RunWithHosts("::1 two.test\n127.0.0.1 two.test\n", ask))
        GTEST_SKIP() << "no mounts here";
}

TEST_F(SilentServerTest, ServersThatAreAllSilentAreUnavailable) {
    const test::SilentServer one, other;
    LookupTable& table = OpenMysql("inet:127.0.0.1:" + std::to_string(one.Port()) +
                                   " inet:127.0.0.1:" + std::to_string(other.Port()));
    for (int i = 0; i < 2; ++i) EXPECT_THAT(Failure(table), Not(HasSubstr("no failure")));
}

async::Task<> FindThenTell(LookupTable& table, std::vector<std::string>& answers) {
    try {
        const auto value = co_await table.Find("a");
        answers.push_back(value.value_or("nothing"));
    } catch (const outage::TableUnavailable& failure) {
        answers.emplace_back(failure.what());
    }
}

TEST_F(DatabaseOutageTest, AServerThatGivesFewerConnectionsThanAreWantedAnswersOverThese) {
    OpenMysql(MariaDb().Hosts());
    MariaDb().Execute(
        "CREATE OR REPLACE USER few@localhost WITH MAX_USER_CONNECTIONS 1;"
        "GRANT SELECT ON outage.* TO few@localhost");
    LookupTable& table = Open("mysql", "hosts = " + MariaDb().Hosts() +
                                           "\ndbname = outage\nuser = few\nquery = SELECT v FROM "
                                           "t WHERE k = '%s' AND sleep(0.01) = 0\n");
    const auto before = Connections();
    for (int i = 0; i < 10; ++i) {
        std::vector<std::string> answers;
        for (int j = 0; j < 4; ++j) async::Spawn(FindThenTell(table, answers));
        while (answers.size() < 4) loop.RunOnce();
        EXPECT_THAT(answers, Each("1"));
    }
    EXPECT_EQ(Connections(), before + 3) << "its own, one in vain, and ours";
}

TEST_F(DatabaseOutageTest, AServerThatGivesNoConnectionIsUnavailableUntilItGivesOne) {
    OpenMysql(MariaDb().Hosts());
    MariaDb().Execute(
        "CREATE OR REPLACE USER few@localhost WITH MAX_USER_CONNECTIONS 1;"
        "GRANT SELECT ON outage.* TO few@localhost");
    TableRegistry other(loop, {});
    LookupTable& table = OpenMysql(MariaDb().Hosts(), "user = few\n");
    LookupTable& first = other.Open("mysql:" + (scratch / "table.cf").string());
    EXPECT_EQ(Find(first), "1");
    EXPECT_THAT(Failure(table), HasSubstr("max_user_connections"));
    MariaDb().Execute("KILL USER few");
    test::WaitUntil("the table answers", [&] { return Failure(table) == "no failure, but 1"; });
}

/// A user who may not read the first table, and may read the other.
class MissingRightTest : public DatabaseTableTest {
protected:
    MissingRightTest() {
        OpenMysql(MariaDb().Hosts());
        MariaDb().Execute(
            "CREATE OR REPLACE TABLE outage.readable (k TEXT); INSERT INTO outage.readable VALUES "
            "('a');"
            "CREATE OR REPLACE USER little@localhost;"
            "GRANT SELECT ON outage.readable TO little@localhost");
        const std::string account =
            "hosts = " + MariaDb().Hosts() + "\ndbname = outage\nuser = little\n";
        denied_ = &Open("mysql", account + "query = SELECT v FROM t WHERE k = '%s'\n");
        const std::string readable = scratch.Write(
            "readable.cf", account + "query = SELECT k FROM readable WHERE k = '%s'\n");
        readable_ = &registry->Open("mysql:" + readable);
    }

    /// What comes of asking the first, while the other keeps the connections young.
    std::string Ask() {
        EXPECT_EQ(Find(*readable_), "a");
        return Failure(*denied_);
    }

private:
    LookupTable* denied_ = nullptr;
    LookupTable* readable_ = nullptr;
};

TEST_F(MissingRightTest, ARightThatWasGrantedIsSeenAndOneThatIsMissingCostsFewConnections) {
    const auto before = Connections();
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 300; ++i) EXPECT_THAT(Ask(), HasSubstr("denied"));
    const auto seconds =
        std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - began);
    EXPECT_LE(Connections(), before + 1 + 2 * (1 + static_cast<unsigned long>(seconds.count())));
    for (const char* granted : {"outage.*", "*.*"}) {
        MariaDb().Execute("GRANT SELECT ON " + std::string(granted) + " TO little@localhost");
        test::WaitUntil("the right is seen", [&] { return Ask() == "no failure, but 1"; });
        for (int i = 0; i < 50; ++i) EXPECT_EQ(Ask(), "no failure, but 1") << "on any connection";
        MariaDb().Execute("REVOKE SELECT ON " + std::string(granted) +
                          " FROM little@localhost; KILL USER little");
        EXPECT_THAT(Ask(), HasSubstr("denied"));
    }
}

TEST_F(MissingRightTest, AConnectionThatLacksARightStaysWhereThereIsNoOther) {
    EXPECT_THAT(Ask(), HasSubstr("denied"));
    MariaDb().Execute("ALTER USER little@localhost ACCOUNT LOCK");
    const auto looked_for_twice = std::chrono::steady_clock::now() + std::chrono::seconds(4);
    while (std::chrono::steady_clock::now() < looked_for_twice)
        EXPECT_THAT(Ask(), HasSubstr("denied"));
    MariaDb().Execute(
        "ALTER USER little@localhost ACCOUNT UNLOCK;"
        "GRANT SELECT ON outage.* TO little@localhost");
    test::WaitUntil("the right is seen", [&] { return Ask() == "no failure, but 1"; });
}

TEST_F(DatabaseOutageTest, AQueryThatTakesTooLongIsGivenUp) {
    time_limit = std::chrono::seconds(1);
    LookupTable& table =
        Open("mysql", "hosts = " + MariaDb().Hosts() +
                          "\nuser = root\ndbname = mysql\nquery = SELECT sleep(60), '%s'\n");
    EXPECT_THAT(Failure(table), HasSubstr("unix:"));
}

TEST_F(DatabaseOutageTest, AnotherServerIsAskedWhereOneIsDown) {
    LookupTable& table = OpenMysql("unix:" + (scratch / "nowhere").string() +
                                   " inet:127.0.0.1:" + std::to_string(MariaDb().Port()));
    EXPECT_EQ(Find(table), "1");
    EXPECT_EQ(Find(table, "b"), std::nullopt);
}

TEST_F(DatabaseOutageTest, APasswordIsInNoMessage) {
    LookupTable& table = OpenMysql(MariaDb().Hosts(), "user = nobody\npassword = s3cret\n");
    const std::string failure = Failure(table);
    EXPECT_THAT(failure, HasSubstr("Access denied for user 'nobody'"));
    EXPECT_THAT(failure, Not(HasSubstr("s3cret")));
}

TEST_F(DatabaseOutageTest, WhatAServerRefusesIsAMistakeAndWhatItCannotAnswerIsNone) {
    const TableRegistry nothing(loop, {});
    const auto refusals = [&] { return loop.RunUntilDone(registry->Refusals(nothing)); };
    OpenMysql(MariaDb().Hosts());
    EXPECT_THAT(refusals(), IsEmpty());
    MariaDb().Execute("DROP TABLE outage.t");
    EXPECT_THAT(refusals(), ElementsAre(HasSubstr("table.cf: mysql: ")));
    OpenMysql(MariaDb().Hosts(), "user = nobody\n");
    EXPECT_THAT(refusals(), ElementsAre(HasSubstr("Access denied")));
    OpenMysql(MariaDb().Hosts() + " unix:" + (scratch / "nowhere").string(), "user = nobody\n");
    EXPECT_THAT(refusals(), ElementsAre(HasSubstr("Access denied"))) << "by all who answer";
    OpenMysql("unix:" + (scratch / "nowhere").string());
    EXPECT_THAT(refusals(), IsEmpty());
    MariaDb().Execute(
        "CREATE OR REPLACE PROCEDURE outage.stop() SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'x'");
    Open("mysql", "hosts = " + MariaDb().Hosts() +
                      "\nuser = root\ndbname = outage\nquery = CALL stop() -- %s\n");
    EXPECT_THAT(refusals(), IsEmpty()) << "for another key it may answer";
    std::ofstream(scratch / "db");  // an empty data base
    Open("sqlite", "dbpath = " + (scratch / "db").string() + "\nquery = SELECT v FROM t\n");
    EXPECT_THAT(refusals(), ElementsAre(HasSubstr("no such table")));
    std::ofstream(scratch / "db") << std::string(5'000, 'x');
    Open("sqlite", "dbpath = " + (scratch / "db").string() + "\nquery = SELECT v FROM t\n");
    EXPECT_THAT(refusals(), ElementsAre(HasSubstr("not a database")));
}

TEST_F(DatabaseOutageTest, AMistakeIsFoundWhateverDomainsATableIsForAndWhateverPartsItAsksFor) {
    const TableRegistry nothing(loop, {});
    for (const char* more : {"domain = example.com\n", "# %9\n"}) {
        OpenMysql(MariaDb().Hosts());
        Open("mysql", "hosts = " + MariaDb().Hosts() + "\nuser = root\ndbname = outage\n" + more +
                          "query = SELECT w FROM t WHERE k = '%9'\n");
        EXPECT_THAT(loop.RunUntilDone(registry->Refusals(nothing)),
                    ElementsAre(HasSubstr("Unknown column 'w'")))
            << more;
    }
}

TEST_F(DatabaseOutageTest, OfTablesThatAreAsBeforeNothingIsAsked) {
    const std::string head = "hosts = " + MariaDb().Hosts() + "\nuser = root\ndbname = outage\n";
    OpenMysql(MariaDb().Hosts());
    TableRegistry before(loop, {});
    before.Open("mysql:" + (scratch / "table.cf").string());
    const auto connections_before = Connections();
    Open("mysql", "# the same\n\n" + head + "query = SELECT v FROM t WHERE k = '%s'\n");
    EXPECT_THAT(loop.RunUntilDone(registry->Refusals(before)), IsEmpty());
    EXPECT_EQ(Connections(), connections_before + 1) << "our own";
    Open("mysql", head + "query = SELECT w FROM t WHERE k = '%s'\n");
    EXPECT_THAT(loop.RunUntilDone(registry->Refusals(before)), ElementsAre(HasSubstr("'w'")));
}

TEST_F(DatabaseOutageTest, WhatWasRefusedBeforeIsNoNews) {
    const std::string head = "hosts = " + MariaDb().Hosts() + "\nuser = root\ndbname = outage\n";
    OpenMysql(MariaDb().Hosts());
    const auto path = scratch / "table.cf";
    TableRegistry before(loop, {});
    scratch.Write("table.cf", head + "query = SELECT w FROM t WHERE k = '%s'\n");
    before.Open("mysql:" + path.string());
    Open("mysql", head + "expansion_limit = 9\nquery = SELECT w FROM t WHERE k = '%s'\n");
    EXPECT_THAT(loop.RunUntilDone(registry->Refusals(before)), IsEmpty());
    const TableRegistry nothing(loop, {});
    EXPECT_THAT(loop.RunUntilDone(registry->Refusals(nothing)), ElementsAre(HasSubstr("'w'")));
}

TEST_F(DatabaseOutageTest, ATableThatIsDroppedIsNotAMiss) {
    LookupTable& table = OpenMysql(MariaDb().Hosts());
    EXPECT_EQ(Find(table), "1");
    MariaDb().Execute("DROP TABLE outage.t");
    EXPECT_THAT(Failure(table), HasSubstr("doesn't exist"));
    MariaDb().Execute("CREATE TABLE outage.t (k TEXT, v TEXT)");
    EXPECT_EQ(Find(table), std::nullopt);
}

TEST_F(DatabaseOutageTest, AStoredProcedureMayGiveOneResultSet) {
    MariaDb().Execute(
        "CREATE DATABASE IF NOT EXISTS outage; USE outage;\nDELIMITER //\n"
        "CREATE OR REPLACE PROCEDURE one(k TEXT) BEGIN SELECT concat('<', k, '>'); END //\n"
        "CREATE OR REPLACE PROCEDURE two(k TEXT) BEGIN SELECT 1; SELECT 2; END //\n"
        "CREATE OR REPLACE PROCEDURE none(k TEXT) BEGIN SET @x = k; END //\n");
    const std::string head = "hosts = " + MariaDb().Hosts() + "\nuser = root\ndbname = outage\n";

    EXPECT_EQ(Find(Open("mysql", head + "query = CALL one('%s')\n")), "<a>");
    EXPECT_THAT(Failure(Open("mysql", head + "query = CALL two('%s')\n")),
                HasSubstr("more than one result set"));
    LookupTable& none = Open("mysql", head + "query = CALL none('%s')\n");
    EXPECT_THAT(Failure(none), HasSubstr("no result set"));
    LookupTable& may_be_none =
        Open("mysql", head + "query = CALL none('%s')\nrequire_result_set = no\n");
    EXPECT_EQ(Find(may_be_none), std::nullopt);
    EXPECT_EQ(Find(may_be_none), std::nullopt);
}

TEST_F(DatabaseOutageTest, AnSqliteFileThatIsReplacedIsReadAnew) {
    const auto make = [this](const char* name, const char* sql) {
        sqlite::Database(scratch / name, sqlite::Database::Mode::kReadWrite,
                         std::chrono::milliseconds(0))
            .Execute(sql);
    };
    make("db", "CREATE TABLE t (k, v); INSERT INTO t VALUES ('a', 'old')");
    LookupTable& table = Open("sqlite", "dbpath = " + (scratch / "db").string() +
                                            "\nquery = SELECT v FROM t WHERE k = '%s'\n");
    EXPECT_EQ(Find(table), "old");
    make("new", "CREATE TABLE t (k, v); INSERT INTO t VALUES ('a', 'new')");
    std::filesystem::rename(scratch / "new", scratch / "db");
    EXPECT_EQ(Find(table), "new");
    make("db", "DROP TABLE t");
    EXPECT_THAT(Failure(table), HasSubstr("no such table"));
}

TEST_F(DatabaseOutageTest, AnSqliteFileThatIsCopiedOverIsReadAnew) {
    for (const char* name : {"db", "new"})
        sqlite::Database(scratch / name, sqlite::Database::Mode::kReadWrite,
                         std::chrono::milliseconds(0))
            .Execute("CREATE TABLE t (k, v); INSERT INTO t VALUES ('a', '" + std::string(name) +
                     "')");
    LookupTable& table = Open("sqlite", "dbpath = " + (scratch / "db").string() +
                                            "\nquery = SELECT v FROM t WHERE k = '%s'\n");
    EXPECT_EQ(Find(table), "db");
    std::ofstream(scratch / "db", std::ios::binary | std::ios::in)
        << std::ifstream(scratch / "new", std::ios::binary).rdbuf();
    EXPECT_EQ(Find(table), "new");
}

TEST_F(DatabaseOutageTest, AMissingSqliteFileIsAMistakeOfTheConfiguration) {
    EXPECT_THROW(Open("sqlite", "dbpath = /nonexistent/db\nquery = SELECT 1\n"),
                 config::ConfigError);
}

async::Task<> FindThenTellWho(LookupTable& table, std::vector<std::string>& answered) {
    co_await table.Find("a");
    answered.push_back(table.Name());
}

TEST_F(DatabaseOutageTest, AQuickQuestionDoesNotWaitForASlowOne) {
    LookupTable& quick = OpenMysql(MariaDb().Hosts());
    const auto path = scratch.Write(
        "slow.cf", "hosts = " + MariaDb().Hosts() +
                       "\ndbname = outage\nuser = root\nquery = SELECT v FROM t WHERE k = '%s' AND "
                       "sleep(0.4) = 0\n");
    LookupTable& slow = registry->Open("mysql:" + path.string());
    std::vector<std::string> answered;
    async::Spawn(FindThenTellWho(slow, answered));
    async::Spawn(FindThenTellWho(quick, answered));
    while (answered.size() < 2) loop.RunOnce();
    EXPECT_EQ(answered, (std::vector<std::string>{quick.Name(), slow.Name()}));
}

}  // namespace
}  // namespace policyd::tables
