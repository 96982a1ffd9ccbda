#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "common/config/config_error.hpp"
#include "common/sqlite/database.hpp"
#include "tests/contract/lookup_table_contract.hpp"
#include "tests/support/mariadb_server.hpp"
#include "tests/support/process.hpp"

namespace policyd::tables {
namespace {

using testing::HasSubstr;
using testing::Not;

/// One server for all tests of this program.
test::MariaDbServer& MariaDb() {
    static test::MariaDbServer server;
    return server;
}

std::string Literal(const std::string& text, bool doubles_backslashes) {
    std::string literal = "'";
    for (const char c : text) {
        if (c == '\'' || (c == '\\' && doubles_backslashes)) literal += c;
        literal += c;
    }
    return literal + "'";
}

std::string CreateAndFill(const TableMaker::Rows& rows, bool doubles_backslashes) {
    std::string sql =
        doubles_backslashes
            ? "CREATE TABLE t (k VARCHAR(255) COLLATE utf8mb4_bin PRIMARY KEY, v TEXT);"
            : "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT);";
    for (const auto& [key, value] : rows) {
        sql += "INSERT INTO t VALUES (" + Literal(key, doubles_backslashes) + ", " +
               Literal(value, doubles_backslashes) + ");";
    }
    return sql;
}

class TexthashMaker final : public TableMaker {
public:
    std::string Make(const Rows& rows) override {
        std::string content;
        for (const auto& [key, value] : rows) content += key + "\t" + value + "\n";
        return "texthash:" + scratch_.Write("table", content).string();
    }
    bool CanHold(std::string_view key) const override {
        return key.find(' ') == std::string_view::npos;
    }

private:
    test::ScratchDirectory scratch_;
};

class CidrMaker final : public TableMaker {
public:
    std::string Make(const Rows& rows) override {
        std::string content;
        for (const auto& [key, value] : rows) content += key + " " + value + "\n";
        return "cidr:" + scratch_.Write("table", content).string();
    }
    bool CanHold(std::string_view key) const override {
        return key.find_first_not_of("0123456789abcdef.:") == std::string_view::npos;
    }

private:
    test::ScratchDirectory scratch_;
};

class InlineMaker final : public TableMaker {
public:
    std::string Make(const Rows& rows) override {
        std::string entries;
        for (const auto& [key, value] : rows) entries += " {" + key + " = " + value + "}";
        return "inline:{" + entries + " }";
    }
    bool CanHold(std::string_view key) const override {
        return key.find_first_of(" ={}") == std::string_view::npos;
    }
};

class SqliteMaker final : public TableMaker {
public:
    explicit SqliteMaker(std::string query) : query_(std::move(query)) {}

    std::string Make(const Rows& rows) override {
        sqlite::Database database(scratch_ / "db", sqlite::Database::Mode::kReadWrite,
                                  std::chrono::milliseconds(0));
        database.Execute(CreateAndFill(rows, false));
        return "sqlite:" + scratch_
                               .Write("table.cf", "dbpath = " + (scratch_ / "db").string() +
                                                      "\nquery = " + query_ + "\n")
                               .string();
    }
    bool CanHold(std::string_view) const override { return true; }

private:
    std::string query_;
    test::ScratchDirectory scratch_;
};

class MysqlMaker final : public TableMaker {
public:
    explicit MysqlMaker(std::string query) : query_(std::move(query)) {}

    std::string Make(const Rows& rows) override {
        MariaDb().Execute("DROP DATABASE IF EXISTS lookup; CREATE DATABASE lookup");
        MariaDb().Execute(CreateAndFill(rows, true), "lookup");
        return "mysql:" + scratch_
                              .Write("table.cf",
                                     "hosts = " + MariaDb().Hosts() +
                                         "\nuser = root\ndbname = lookup\nquery = " + query_ + "\n")
                              .string();
    }
    bool CanHold(std::string_view) const override { return true; }

private:
    std::string query_;
    test::ScratchDirectory scratch_;
};

using MakerFactory = std::unique_ptr<TableMaker> (*)();

struct Named {
    const char* name;
    MakerFactory make;
};

const Named kMakers[] = {
    {"Texthash", []() -> std::unique_ptr<TableMaker> { return std::make_unique<TexthashMaker>(); }},
    {"Cidr", []() -> std::unique_ptr<TableMaker> { return std::make_unique<CidrMaker>(); }},
    {"Inline", []() -> std::unique_ptr<TableMaker> { return std::make_unique<InlineMaker>(); }},
    {"SqlitePrepared",
     []() -> std::unique_ptr<TableMaker> {
         return std::make_unique<SqliteMaker>("SELECT v FROM t WHERE k = '%s'");
     }},
    {"SqliteText",
     []() -> std::unique_ptr<TableMaker> {
         return std::make_unique<SqliteMaker>("SELECT v FROM t WHERE '' || k = '' || '%s'");
     }},
    {"MysqlPrepared",
     []() -> std::unique_ptr<TableMaker> {
         return std::make_unique<MysqlMaker>("SELECT v FROM t WHERE k = '%s'");
     }},
    {"MysqlText",
     []() -> std::unique_ptr<TableMaker> {
         return std::make_unique<MysqlMaker>("SELECT v FROM t WHERE k = /**/ '%s'");
     }},
};

std::vector<MakerFactory> Factories() {
    std::vector<MakerFactory> factories;
    for (const Named& maker : kMakers) factories.push_back(maker.make);
    return factories;
}

INSTANTIATE_TEST_SUITE_P(Tables, LookupTableContract, testing::ValuesIn(Factories()),
                         [](const auto& maker) { return std::string(kMakers[maker.index].name); });

/// What a data base can do to a table.
class OutageTest : public testing::Test {
protected:
    LookupTable& Open(const std::string& type, const std::string& content) {
        TableSettings settings;
        settings.mysql_time_limit = std::chrono::seconds(1);
        settings.mysql_connections = 2;
        registry = std::make_unique<TableRegistry>(loop, settings);
        return registry->Open(type + ":" + scratch.Write("table.cf", content).string());
    }
    LookupTable& OpenMysql(const std::string& hosts, const std::string& more = "user = root\n") {
        MariaDb().Execute(
            "CREATE DATABASE IF NOT EXISTS outage; CREATE OR REPLACE TABLE outage.t (k TEXT, v "
            "TEXT); INSERT INTO outage.t VALUES ('a', '1')");
        return Open("mysql", "hosts = " + hosts + "\ndbname = outage\n" + more +
                                 "query = SELECT v FROM t WHERE k = '%s'\n");
    }
    std::optional<std::string> Find(LookupTable& table, std::string_view key = "a") {
        return loop.RunUntilDone(table.Find(key));
    }
    std::string Failure(LookupTable& table, std::string_view key = "a") {
        // The time of a loop that does not turn stands still.
        uv_update_time(loop.Raw());
        try {
            const auto value = Find(table, key);
            return "no failure, but " + value.value_or("nothing");
        } catch (const outage::TableUnavailable& failure) {
            return failure.what();
        }
    }

    async::EventLoop loop;
    test::ScratchDirectory scratch;
    std::unique_ptr<TableRegistry> registry;
};

TEST_F(OutageTest, AServerThatIsDownIsNotAMissAndAnswersAgainWhenItIsUp) {
    LookupTable& table = OpenMysql(MariaDb().Hosts());
    EXPECT_EQ(Find(table), "1");
    MariaDb().Stop();
    EXPECT_THAT(Failure(table), HasSubstr("table.cf: mysql: unix:"));
    EXPECT_THAT(Failure(table), HasSubstr("table.cf: mysql: unix:"));
    MariaDb().Start();
    EXPECT_EQ(Find(table), "1");
}

TEST_F(OutageTest, AServerThatWasRestartedMeanwhileIsNotNoticed) {
    LookupTable& table = OpenMysql(MariaDb().Hosts());
    EXPECT_EQ(Find(table), "1");
    MariaDb().Stop();
    MariaDb().Start();
    EXPECT_EQ(Find(table), "1");
}

TEST_F(OutageTest, AServerThatHangsIsGivenUpAfterTheTimeLimit) {
    LookupTable& table = OpenMysql("inet:127.0.0.1:" + std::to_string(MariaDb().Port()));
    EXPECT_EQ(Find(table), "1");
    MariaDb().Pause();
    EXPECT_THAT(Failure(table), HasSubstr("inet:127.0.0.1:"));
    EXPECT_THAT(Failure(table), Not(HasSubstr("no failure")));
    MariaDb().Resume();
    test::WaitUntil("the table answers again",
                    [&] { return Failure(table) == "no failure, but 1"; });
}

TEST_F(OutageTest, AQueryThatTakesTooLongIsGivenUp) {
    LookupTable& table =
        Open("mysql", "hosts = " + MariaDb().Hosts() +
                          "\nuser = root\ndbname = mysql\nquery = SELECT sleep(60), '%s'\n");
    EXPECT_THAT(Failure(table), HasSubstr("unix:"));
}

TEST_F(OutageTest, AnotherServerIsAskedWhereOneIsDown) {
    LookupTable& table = OpenMysql("unix:" + (scratch / "nowhere").string() +
                                   " inet:127.0.0.1:" + std::to_string(MariaDb().Port()));
    EXPECT_EQ(Find(table), "1");
    EXPECT_EQ(Find(table, "b"), std::nullopt);
}

TEST_F(OutageTest, APasswordIsInNoMessage) {
    LookupTable& table = OpenMysql(MariaDb().Hosts(), "user = nobody\npassword = s3cret\n");
    const std::string failure = Failure(table);
    EXPECT_THAT(failure, HasSubstr("Access denied for user 'nobody'"));
    EXPECT_THAT(failure, Not(HasSubstr("s3cret")));
}

TEST_F(OutageTest, ATableThatIsDroppedIsNotAMiss) {
    LookupTable& table = OpenMysql(MariaDb().Hosts());
    EXPECT_EQ(Find(table), "1");
    MariaDb().Execute("DROP TABLE outage.t");
    EXPECT_THAT(Failure(table), HasSubstr("doesn't exist"));
    MariaDb().Execute("CREATE TABLE outage.t (k TEXT, v TEXT)");
    EXPECT_EQ(Find(table), std::nullopt);
}

TEST_F(OutageTest, AStoredProcedureMayGiveOneResultSet) {
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

TEST_F(OutageTest, AnSqliteFileThatIsReplacedIsReadAnew) {
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

TEST_F(OutageTest, AnSqliteFileThatIsCopiedOverIsReadAnew) {
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

TEST_F(OutageTest, AMissingSqliteFileIsAMistakeOfTheConfiguration) {
    EXPECT_THROW(Open("sqlite", "dbpath = /nonexistent/db\nquery = SELECT 1\n"),
                 config::ConfigError);
}

/// Different queries to one server, each in a file of its own.
TEST_F(OutageTest, DifferentQueriesThatAreAskedTogetherAnswerAsTheyDoAlone) {
    MariaDb().Execute(
        "CREATE DATABASE IF NOT EXISTS outage; USE outage;"
        "CREATE OR REPLACE TABLE words (k VARCHAR(50) COLLATE utf8mb4_bin, v TEXT, n BIGINT);"
        "INSERT INTO words VALUES ('a', 'second', 2), ('a', 'first', 1), ('a', NULL, NULL),"
        " ('a', '', 0), ('big', 'x', -9223372036854775808);"
        "CREATE OR REPLACE TABLE latin (k VARCHAR(50) CHARACTER SET latin1, v CHAR(10) CHARACTER "
        "SET latin1) CHARACTER SET latin1; INSERT INTO latin VALUES ('a', 'caf\u00e9 '), ('B', "
        "'b');"
        "CREATE OR REPLACE TABLE bytes (k VARBINARY(50), v BLOB); INSERT INTO bytes VALUES ('a', "
        "'raw')");
    const std::string head = "hosts = " + MariaDb().Hosts() + "\nuser = root\ndbname = outage\n";
    const std::vector<std::vector<std::string>> groups{
        {"SELECT v FROM words WHERE k='%s'", "SELECT n FROM words WHERE k='%s'",
         "SELECT n, v, k FROM words WHERE k='%s'", "SELECT v FROM latin WHERE k='%s'",
         "SELECT count(*), max(v) FROM words WHERE k='%s'",
         "SELECT concat(v, '/', k) FROM latin WHERE k='%s' AND v NOT LIKE '%%@%%'"},
        {"SELECT v FROM words WHERE k='%s' ORDER BY n", "SELECT v FROM words WHERE k='%s'"},
        {"SELECT v FROM bytes WHERE k='%s'", "SELECT v FROM words WHERE k='%s'"},
        {"SELECT v, v FROM words WHERE k='%s'", "SELECT n FROM words WHERE k='%s'"},
        {"SELECT v FROM words WHERE k='%s'", "SELECT v FROM gone WHERE k='%s'"},
        {"SELECT v FROM words WHERE k='%s'", "SELECT n, k FROM words WHERE k='%s'",
         "SELECT max(v) FROM words WHERE k='%s'", "SELECT * FROM words WHERE k='%s'",
         "SELECT k FROM words WHERE k='%s'", "SELECT v FROM words WHERE k='%s'",
         "SELECT v FROM words WHERE k='%u'", "SELECT n FROM words WHERE k='%u'"},
        {"SELECT v FROM words WHERE k='%s' UNION SELECT v FROM latin WHERE k='%s'",
         "SELECT 1 FROM words WHERE k='%s' LIMIT 1", "SELECT '%s' FROM words LIMIT 1"},
    };
    TableRegistry tables(loop, TableSettings{2, std::chrono::seconds(10), {}, {}});
    int number = 0;
    for (const auto& group : groups) {
        std::vector<LookupTable*> members;
        for (const std::string& query : group) {
            const std::string file = "table" + std::to_string(++number) + ".cf";
            const auto path = scratch.Write(file, head + "query = " + query + "\n");
            members.push_back(&tables.Open("mysql:" + path.string()));
        }
        for (const char* key : {"a", "A", "b", "big", "nothing", "caf\u00e9"}) {
            std::vector<Question> questions;
            for (LookupTable* table : members) questions.push_back({table, key});
            const std::vector<Outcome> outcomes = loop.RunUntilDone(FindTogether(questions));
            for (std::size_t i = 0; i < members.size(); ++i) {
                if (std::holds_alternative<std::monostate>(outcomes[i])) {
                    EXPECT_THAT(group, testing::Contains(HasSubstr("gone")));
                    continue;
                }
                const auto* const value = std::get_if<std::optional<std::string>>(&outcomes[i]);
                ASSERT_NE(value, nullptr) << group[i] << " of " << key;
                EXPECT_EQ(*value, Find(*members[i], key)) << group[i] << " of " << key;
            }
        }
    }
}

TEST_F(OutageTest, ColumnsOfNumbersAnswerAloneAndTogetherAsTheyDoInAPlainQuery) {
    MariaDb().Execute(
        "CREATE DATABASE IF NOT EXISTS outage; USE outage;"
        "CREATE OR REPLACE TABLE numbers (k VARCHAR(50), u BIGINT UNSIGNED, d DECIMAL(20,4),"
        " z DECIMAL(8,2) ZEROFILL, f DOUBLE, l DECIMAL(65,30)); INSERT INTO numbers VALUES"
        " ('a', 18446744073709551615, -1234567890123456.0001, 7, 0.1, CONCAT('-', REPEAT('9', "
        "35))),"
        " ('a', 0, 0, 0, 1e30, 0), ('a', NULL, NULL, NULL, NULL, NULL),"
        " ('a', 524288000, 0.5, 0.5, 7, 1)");
    const std::string zeros = "." + std::string(30, '0');
    const std::string longest = "-" + std::string(35, '9') + zeros + ",0" + zeros + ",1" + zeros;
    const std::string head = "hosts = " + MariaDb().Hosts() + "\nuser = root\ndbname = outage\n";
    const std::pair<const char*, const char*> columns[] = {
        {"u", "18446744073709551615,0,524288000"},
        {"d", "-1234567890123456.0001,0.0000,0.5000"},
        {"z", "000007.00,000000.00,000000.50"},
        {"f", "0.1,1e30,7"},
        {"l", longest.c_str()},
        {"sum(u) * 1.5", "27670116111350759422.5"},
        {"sum(d), sum(u)", "-1234567890123455.5001,18446744074233839615"},
        {"count(*)", "4"}};
    TableRegistry tables(loop, TableSettings{2, std::chrono::seconds(10), {}, {}});
    std::vector<Question> questions;
    for (const auto& [column, _] : columns) {
        const std::string file = "numbers" + std::to_string(questions.size()) + ".cf";
        const std::string query = std::string("SELECT ") + column + " FROM numbers WHERE k='%s'";
        const auto path = scratch.Write(file, head + "query = " + query + "\n");
        questions.push_back({&tables.Open("mysql:" + path.string()), "a"});
    }
    const std::vector<Outcome> outcomes = loop.RunUntilDone(FindTogether(questions));
    for (std::size_t i = 0; i < questions.size(); ++i) {
        EXPECT_EQ(std::get<std::optional<std::string>>(outcomes[i]), columns[i].second);
        EXPECT_EQ(Find(*questions[i].table, "a"), columns[i].second);
    }
}

TEST_F(OutageTest, ColumnsOfOtherTypesThanBeforeAnswerAsTheyDoInAPlainQuery) {
    MariaDb().Execute(
        "CREATE DATABASE IF NOT EXISTS outage; USE outage;"
        "CREATE OR REPLACE TABLE changing (k VARCHAR(50), v INT);"
        "INSERT INTO changing VALUES ('a', 7);"
        "CREATE OR REPLACE TABLE constant (k VARCHAR(50), v TEXT);"
        "INSERT INTO constant VALUES ('a', 'x')");
    const std::string head = "hosts = " + MariaDb().Hosts() + "\nuser = root\ndbname = outage\n";
    TableRegistry tables(loop, TableSettings{1, std::chrono::seconds(10), {}, {}});
    std::vector<LookupTable*> members;
    for (const char* query :
         {"SELECT v FROM changing WHERE k='%s'", "SELECT v FROM constant WHERE k='%s'",
          "SELECT * FROM changing WHERE k='%s'"}) {
        const std::string file = "table" + std::to_string(members.size()) + ".cf";
        members.push_back(&tables.Open(
            "mysql:" + scratch.Write(file, head + "query = " + query + "\n").string()));
    }
    const auto together = [&] {
        const std::vector<Question> questions{{members[0], "a"}, {members[1], "a"}};
        return std::get<std::optional<std::string>>(
            loop.RunUntilDone(FindTogether(questions)).front());
    };
    EXPECT_EQ(Find(*members[0]), "7");
    EXPECT_EQ(together(), "7");
    EXPECT_EQ(Find(*members[2]), "a,7");
    const std::pair<const char*, const char*> types[] = {
        {"DOUBLE", "7"}, {"INT(5) ZEROFILL", "00007"}, {"DECIMAL(5,2)", "7.00"}, {"INT", "7"}};
    for (const auto& [type, value] : types) {
        MariaDb().Execute("ALTER TABLE outage.changing MODIFY v " + std::string(type));
        EXPECT_EQ(together(), value) << type;
        EXPECT_EQ(Find(*members[0]), value) << type;
        EXPECT_EQ(Find(*members[2]), "a," + std::string(value)) << type;
    }
    MariaDb().Execute("ALTER TABLE outage.changing ADD COLUMN w TEXT DEFAULT 'new'");
    EXPECT_EQ(Find(*members[2]), "a,7,new");
    EXPECT_EQ(together(), "7");
}

TEST_F(OutageTest, AColumnThatWasAddedIsThereForThoseWhoAreAskedTogetherForTheFirstTime) {
    MariaDb().Execute(
        "CREATE DATABASE IF NOT EXISTS outage; USE outage;"
        "CREATE OR REPLACE TABLE growing (k VARCHAR(50), v INT);"
        "INSERT INTO growing VALUES ('a', 7), ('b', 8)");
    TableRegistry tables(loop, TableSettings{1, std::chrono::seconds(10), {}, {}});
    LookupTable& table = tables.Open(
        "mysql:" + scratch
                       .Write("growing.cf", "hosts = " + MariaDb().Hosts() +
                                                "\nuser = root\ndbname = outage\nquery = "
                                                "SELECT * FROM growing WHERE k='%s'\n")
                       .string());
    EXPECT_EQ(Find(table, "a"), "a,7");
    const auto together = [&](std::vector<Question> questions) {
        return std::get<std::optional<std::string>>(
            loop.RunUntilDone(FindTogether(std::move(questions))).front());
    };
    MariaDb().Execute("ALTER TABLE outage.growing ADD COLUMN w TEXT DEFAULT 'new'");
    EXPECT_EQ(together({{&table, "a"}, {&table, "b"}}), "a,7,new");
    EXPECT_EQ(together({{&table, "a"}, {&table, "b"}}), "a,7,new");
    MariaDb().Execute("ALTER TABLE outage.growing MODIFY v DECIMAL(5,2)");
    EXPECT_EQ(together({{&table, "a"}, {&table, "b"}, {&table, "c"}}), "a,7.00,new");
}

TEST_F(OutageTest, ALimitOfRowsThatTheServerSetsIsForEachQuery) {
    MariaDb().Execute("SET GLOBAL sql_select_limit = 1");
    const std::string head = "hosts = " + MariaDb().Hosts() + "\nuser = root\ndbname = outage\n";
    LookupTable& first = OpenMysql(MariaDb().Hosts());
    LookupTable& second = registry->Open(
        "mysql:" +
        scratch.Write("second.cf", head + "query = SELECT concat(v, v) FROM t WHERE k = '%s'\n")
            .string());
    const std::vector<Question> questions{{&first, "a"}, {&second, "a"}};
    const std::vector<Outcome> outcomes = loop.RunUntilDone(FindTogether(questions));
    MariaDb().Execute("SET GLOBAL sql_select_limit = DEFAULT");
    EXPECT_EQ(std::get<std::optional<std::string>>(outcomes[0]), "1");
    EXPECT_EQ(std::get<std::optional<std::string>>(outcomes[1]), "11");
}

async::Task<> FindInto(std::vector<Question> questions, std::vector<Outcome>& outcomes,
                       int& unfinished) {
    outcomes = co_await FindTogether(std::move(questions));
    --unfinished;
}

/// By how much a status variable of the server goes up.
int Counted(const std::string& variable, const std::function<void()>& action) {
    const auto count = [&variable] {
        return std::stoi(
            MariaDb().Execute("SELECT variable_value FROM information_schema.global_status "
                              "WHERE variable_name = '" +
                              variable + "'"));
    };
    const int before = count();
    action();
    return count() - before;
}

TEST_F(OutageTest, QueriesThatGoTogetherAreOneStatementThatIsPreparedOnce) {
    MariaDb().Execute(
        "CREATE DATABASE IF NOT EXISTS outage; USE outage;"
        "CREATE OR REPLACE TABLE prepared (k VARCHAR(50), v TEXT, n BIGINT UNSIGNED);"
        "INSERT INTO prepared VALUES ('a', 'x', 7)");
    const std::string head = "hosts = " + MariaDb().Hosts() + "\nuser = root\ndbname = outage\n";
    TableRegistry tables(loop, TableSettings{1, std::chrono::seconds(10), {}, {}});
    std::vector<Question> questions;
    for (const char* query :
         {"SELECT v FROM prepared WHERE k='%s'", "SELECT n FROM prepared WHERE k='%s'",
          "SELECT concat(k, v) FROM prepared WHERE k='%s' AND n > 0"}) {
        const std::string file = "prepared" + std::to_string(questions.size()) + ".cf";
        questions.push_back(
            {&tables.Open("mysql:" +
                          scratch.Write(file, head + "query = " + query + "\n").string()),
             "a"});
    }
    loop.RunUntilDone(FindTogether(questions));
    const auto ask = [&] {
        for (int i = 0; i < 20; ++i) loop.RunUntilDone(FindTogether(questions));
    };
    EXPECT_EQ(Counted("Com_stmt_prepare", ask), 0);
    EXPECT_EQ(Counted("Com_stmt_execute", ask), 20);
}

/// As a row may make it do, or the name of a recipient.
TEST_F(OutageTest, AQueryThatIsRefusedCostsNoConnection) {
    MariaDb().Execute(
        "CREATE DATABASE IF NOT EXISTS outage; USE outage;"
        "CREATE OR REPLACE TABLE refused (k VARCHAR(50), v TEXT, n BIGINT);"
        "INSERT INTO refused VALUES ('good', 'x', 1), ('bad', 'y', 9223372036854775807)");
    const std::string head = "hosts = " + MariaDb().Hosts() + "\nuser = root\ndbname = outage\n";
    TableRegistry tables(loop, TableSettings{1, std::chrono::seconds(10), {}, {}});
    std::vector<LookupTable*> members;
    for (const char* query :
         {"SELECT n + 1 FROM refused WHERE k='%s'", "SELECT v FROM refused WHERE k='%s'"}) {
        const std::string file = "refused" + std::to_string(members.size()) + ".cf";
        members.push_back(&tables.Open(
            "mysql:" + scratch.Write(file, head + "query = " + query + "\n").string()));
    }
    const auto together = [&](const char* key) {
        const std::vector<Question> questions{{members[0], key}, {members[1], key}};
        return loop.RunUntilDone(FindTogether(questions));
    };
    EXPECT_EQ(Find(*members[0], "good"), "2");
    const int of_counting = Counted("Connections", [] {});
    const auto ask = [&] {
        EXPECT_THROW(Find(*members[0], "bad"), outage::TableRefuses);
        EXPECT_TRUE(std::holds_alternative<std::monostate>(together("bad")[0]));
        EXPECT_EQ(Find(*members[1], "bad"), "y");
        EXPECT_EQ(std::get<std::optional<std::string>>(together("good")[0]), "2");
    };
    EXPECT_EQ(Counted("Connections", ask), of_counting);
}

TEST_F(OutageTest, WhatDoesNotGoTogetherLeavesTheOthersTogether) {
    MariaDb().Execute(
        "CREATE DATABASE IF NOT EXISTS outage; USE outage;"
        "CREATE OR REPLACE TABLE mixed (k VARCHAR(50), v TEXT, f DOUBLE);"
        "INSERT INTO mixed VALUES ('a@b', 'x', 1.5), ('a@b', 'x', 2), ('@b', 'catch', 0)");
    const std::string head = "hosts = " + MariaDb().Hosts() + "\nuser = root\ndbname = outage\n";
    TableRegistry tables(loop, TableSettings{1, std::chrono::seconds(10), {}, {}});
    const std::pair<const char*, const char*> queries[] = {
        {"SELECT v FROM mixed WHERE k='%s'", "x,x"},
        {"SELECT DISTINCT v FROM mixed WHERE k='%s'", "x"},
        {"SELECT v FROM mixed WHERE k='@%d'", "catch"},
        {"SELECT f FROM mixed WHERE k='%s'", "1.5,2"},
        {"SELECT v FROM mixed WHERE k='%s' LIMIT 1;", "x"},
        {"SELECT concat(v, k) FROM mixed WHERE '%s' = k AND '%u' NOT LIKE '%%+%%'", "xa@b,xa@b"}};
    std::vector<Question> questions;
    for (const auto& [query, _] : queries) {
        const std::string file = "mixed" + std::to_string(questions.size()) + ".cf";
        const auto path = scratch.Write(file, head + "query = " + query + "\n");
        questions.push_back({&tables.Open("mysql:" + path.string()), "a@b"});
    }
    std::vector<Outcome> outcomes;
    const auto ask = [&] { outcomes = loop.RunUntilDone(FindTogether(questions)); };
    ask();
    EXPECT_EQ(Counted("Com_stmt_execute", ask), 2) << "what is DISTINCT, and three that are joined";
    for (std::size_t i = 0; i < questions.size(); ++i) {
        EXPECT_EQ(std::get<std::optional<std::string>>(outcomes[i]), queries[i].second);
        EXPECT_EQ(Find(*questions[i].table, "a@b"), queries[i].second);
    }
}

async::Task<> FindThenTell(LookupTable& table, std::vector<std::string>& answered) {
    co_await table.Find("a");
    answered.push_back(table.Name());
}

TEST_F(OutageTest, AQuickQuestionDoesNotWaitForASlowOne) {
    LookupTable& quick = OpenMysql(MariaDb().Hosts());
    const auto path = scratch.Write(
        "slow.cf", "hosts = " + MariaDb().Hosts() +
                       "\ndbname = outage\nuser = root\nquery = SELECT v FROM t WHERE k = '%s' AND "
                       "sleep(0.4) = 0\n");
    LookupTable& slow = registry->Open("mysql:" + path.string());
    std::vector<std::string> answered;
    async::Spawn(FindThenTell(slow, answered), &Fail);
    async::Spawn(FindThenTell(quick, answered), &Fail);
    while (answered.size() < 2) loop.RunOnce();
    EXPECT_EQ(answered, (std::vector<std::string>{quick.Name(), slow.Name()}));
}

/// The servers cannot evaluate one of the queries for the key "bad".
TEST_F(OutageTest, AlikeQuestionsOfManyWhoAskAtOnceAreJoinedAndAnsweredAsTheyAreAlone) {
    std::string rows;
    for (int i = 0; i < 60; ++i) {
        const std::string key = std::to_string(i);
        rows += "('" + key + "', 'v" + key + "', " + key + "), ('" + key + "', 'w', -1), ";
    }
    MariaDb().Execute(
        "CREATE DATABASE IF NOT EXISTS outage; USE outage;"
        "CREATE OR REPLACE TABLE many (k VARCHAR(50) COLLATE utf8mb4_bin, v TEXT, n BIGINT, "
        "KEY (k)); INSERT INTO many VALUES " +
        rows + "('bad', 'bad', 0)");
    const std::string head = "hosts = " + MariaDb().Hosts() + "\nuser = root\ndbname = outage\n";
    const std::vector<std::string> queries{
        "SELECT v FROM many WHERE k='%s'", "SELECT n, k FROM many WHERE k='%s'",
        "SELECT n FROM many WHERE k='%u'",
        "SELECT concat(v, exp(if(k = 'bad', 1000, 0))) FROM many WHERE k='%s'"};
    TableRegistry tables(loop, TableSettings{4, std::chrono::seconds(10), {}, {}});
    std::vector<LookupTable*> members;
    for (const std::string& query : queries) {
        const std::string file = "table" + std::to_string(members.size()) + ".cf";
        members.push_back(&tables.Open(
            "mysql:" + scratch.Write(file, head + "query = " + query + "\n").string()));
    }
    std::vector<std::string> keys{"bad", "bad", "nothing", "it's"};
    for (int i = 0; i < 60; ++i) keys.push_back(std::to_string(i));

    std::vector<std::vector<Outcome>> outcomes(keys.size());
    const int statements = Counted("Com_stmt_execute", [&] {
        int unfinished = 0;
        for (std::size_t i = 0; i < keys.size(); ++i) {
            std::vector<Question> questions;
            for (LookupTable* table : members) questions.push_back({table, keys[i]});
            ++unfinished;
            async::Spawn(FindInto(std::move(questions), outcomes[i], unfinished), &Fail);
        }
        while (unfinished > 0) loop.RunOnce();
    });

    // However slow the server is, the first three pairs but that of "bad" are one statement each.
    EXPECT_LT(statements, static_cast<int>(keys.size()));
    for (std::size_t i = 0; i < keys.size(); ++i) {
        ASSERT_EQ(outcomes[i].size(), members.size());
        for (std::size_t m = 0; m < members.size(); ++m) {
            const auto* const value = std::get_if<std::optional<std::string>>(&outcomes[i][m]);
            ASSERT_EQ(value == nullptr, keys[i] == "bad") << queries[m] << " of " << keys[i];
            if (value != nullptr) {
                EXPECT_EQ(*value, Find(*members[m], keys[i])) << queries[m] << " of " << keys[i];
            }
        }
    }
    EXPECT_THAT(Failure(*members[3], "bad"), HasSubstr("out of range"));
    EXPECT_EQ(Find(*members[0], "bad"), "bad");
}

}  // namespace
}  // namespace policyd::tables
