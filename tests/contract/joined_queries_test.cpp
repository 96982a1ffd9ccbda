#include <gmock/gmock.h>

#include <functional>

#include "tests/contract/database_table_fixture.hpp"

namespace policyd::tables {
namespace {

using testing::HasSubstr;

using JoinedQueriesTest = DatabaseTableTest;

/// Different queries to one server, each in a file of its own.
TEST_F(JoinedQueriesTest, DifferentQueriesThatAreAskedTogetherAnswerAsTheyDoAlone) {
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

TEST_F(JoinedQueriesTest, ColumnsOfNumbersAnswerAloneAndTogetherAsTheyDoInAPlainQuery) {
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

TEST_F(JoinedQueriesTest, ColumnsOfOtherTypesThanBeforeAnswerAsTheyDoInAPlainQuery) {
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

TEST_F(JoinedQueriesTest, AColumnThatWasAddedIsThereForThoseWhoAreAskedTogetherForTheFirstTime) {
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

TEST_F(JoinedQueriesTest, ALimitOfRowsThatTheServerSetsIsForEachQuery) {
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

TEST_F(JoinedQueriesTest, QueriesThatGoTogetherAreOneStatementThatIsPreparedOnce) {
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
TEST_F(JoinedQueriesTest, AQueryThatIsRefusedCostsNoConnection) {
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

TEST_F(JoinedQueriesTest, WhatDoesNotGoTogetherLeavesTheOthersTogether) {
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

/// The servers cannot evaluate one of the queries for the key "bad".
TEST_F(JoinedQueriesTest, AlikeQuestionsOfManyWhoAskAtOnceAreJoinedAndAnsweredAsTheyAreAlone) {
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
            async::Spawn(FindInto(std::move(questions), outcomes[i], unfinished));
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
