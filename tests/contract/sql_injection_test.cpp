// Keys that are SQL, in each kind of quotation marks and mode of the server: they are keys.

#include "common/sqlite/database.hpp"
#include "tests/contract/database_table_fixture.hpp"

namespace policyd::tables {
namespace {

constexpr const char* kRows =
    "CREATE TABLE t (k TEXT, v TEXT);"
    "INSERT INTO t VALUES ('a', 'secret'); INSERT INTO t VALUES ('xb', 'secret');";

struct Site {
    const char* name;
    const char* type;
    const char* sql_mode;
};

class SqlInjectionTest : public DatabaseTableTest, public testing::WithParamInterface<Site> {
protected:
    void SetUp() override {
        if (std::string_view(GetParam().type) == "sqlite") {
            sqlite::Database(scratch / "rows", sqlite::Database::Mode::kReadWrite, time_limit)
                .Execute(kRows);
            return;
        }
        MariaDb().Execute(std::string("SET GLOBAL sql_mode = '") + GetParam().sql_mode + "'");
        MariaDb().Execute("CREATE OR REPLACE DATABASE injection");
        MariaDb().Execute(kRows, "injection");
    }
    void TearDown() override {
        if (std::string_view(GetParam().type) == "mysql")
            MariaDb().Execute("SET GLOBAL sql_mode = DEFAULT");
    }

    LookupTable& OpenWith(const std::string& condition) {
        const std::string place =
            std::string_view(GetParam().type) == "sqlite"
                ? "dbpath = " + (scratch / "rows").string()
                : "hosts = " + MariaDb().Hosts() + "\nuser = root\ndbname = injection";
        return Open(GetParam().type, place + "\nquery = SELECT v FROM t WHERE " + condition + "\n");
    }
};

TEST_P(SqlInjectionTest, NoKeyFindsWhatAnotherHas) {
    std::vector<const char*> conditions{
        "k='%s'",
        "k=\"%s\"",
        "k='x%s'",
        "k=\"x%s\"",
        "k LIKE \"x%s\"",
        "/* don't */ k=\"x%s\"",
        "/* \" */ k='x%s'",
        "k <> '--' AND k=\"x%s\"",
        "k <> `k` /* ' */ AND k=\"x%s\"",
        "k='x' /* '%s' */",
        "k='x' -- '%s'",
        "k='x' AND `%s`=1",
    };
    if (std::string_view(GetParam().type) == "sqlite") {
        conditions.push_back("(SELECT [it's] FROM (SELECT 1 AS [it's]))=1 AND k=\"x%s\"");
        conditions.push_back("k='x' AND [%s]=1");
    } else {
        conditions.push_back("k='x' # '%s'");
        conditions.push_back("1--1=2 AND k=\"x%s\"");
    }
    for (const char* condition : conditions) {
        SCOPED_TRACE(condition);
        LookupTable& table = OpenWith(condition);
        for (const char* mark :
             {"'", "\"", "\\'", "\\\"", "''", "\"\"", "`", "k`", "k]", "*/", "\n"}) {
            for (const char* rest : {" OR 1=1 -- ", " OR 1=1 OR k=", " OR '1'='1", ""}) {
                const std::string key = mark + std::string(rest);
                EXPECT_THAT(Failure(table, key), testing::Not(testing::HasSubstr("but secret")))
                    << key;
            }
        }
        EXPECT_THAT(Failure(table, "k"), testing::Not(testing::HasSubstr("but secret")))
            << "the name of a column";
    }
}

TEST_P(SqlInjectionTest, AKeyOfItsOwnIsFound) {
    EXPECT_EQ(Find(OpenWith("k='%s'"), "a"), "secret");
    EXPECT_EQ(Find(OpenWith("k=\"%s\""), "a"), "secret");
    EXPECT_EQ(Find(OpenWith("k='x%s'"), "b"), "secret");
    EXPECT_EQ(Find(OpenWith("/* don't */ k='%s' /* '%s' */"), "a"), "secret");
    EXPECT_EQ(Find(OpenWith("/* don't */ k='%s' -- '%s'"), "a"), "secret");
}

INSTANTIATE_TEST_SUITE_P(Sites, SqlInjectionTest,
                         testing::Values(Site{"Sqlite", "sqlite", ""}, Site{"Mysql", "mysql", ""},
                                         Site{"NoBackslashEscapes", "mysql",
                                              "NO_BACKSLASH_ESCAPES"},
                                         Site{"AnsiQuotes", "mysql", "ANSI_QUOTES"},
                                         Site{"Both", "mysql", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"}),
                         [](const auto& site) { return site.param.name; });

}  // namespace
}  // namespace policyd::tables
