#include "common/tables/table_registry.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config/config_error.hpp"
#include "tests/support/scratch_directory.hpp"
#include "tests/support/unprivileged.hpp"

namespace policyd::tables {
namespace {

using testing::HasSubstr;

class TableRegistryTest : public testing::Test {
protected:
    TableRegistryTest() : registry(loop, Settings()) {}

    TableSettings Settings() {
        TableSettings settings;
        settings.warn = [this](const std::string& text) { warnings.push_back(text); };
        return settings;
    }
    std::string Refusal(const std::string& spec) {
        try {
            registry.Open(spec);
            return "nothing";
        } catch (const config::ConfigError& error) {
            return error.what();
        }
    }

    async::EventLoop loop;
    test::ScratchDirectory scratch;
    std::vector<std::string> warnings;
    TableRegistry registry;
};

TEST_F(TableRegistryTest, ParametersOfATableInMainCfAreRefused) {
    for (const std::string type : {"mysql", "sqlite"}) {
        const std::string refusal = Refusal(type + ":aliases");
        EXPECT_THAT(refusal, HasSubstr("aliases_query"));
        EXPECT_THAT(refusal, HasSubstr("behind " + type + ":"));
        EXPECT_THAT(Refusal(type + ":./aliases"), HasSubstr("./aliases: cannot be read"));
    }
}

TEST_F(TableRegistryTest, AFileThatIsTheSameToAllReadersIsReadOnce) {
    const std::string table = "texthash:" + scratch.Write("table", "a 1\nb\n").string();
    for (LookupTable* opened :
         {&registry.Open(table), &registry.OpenForVirtual(table), &registry.Open("proxy:" + table)})
        EXPECT_EQ(loop.RunUntilDone(opened->Find("A")), "1");
    EXPECT_THAT(warnings, testing::ElementsAre(HasSubstr("table:2: ")));
}

TEST_F(TableRegistryTest, AFileWithUpperCaseKeysIsAnotherOneToEachReader) {
    const std::string table = "texthash:" + scratch.Write("table", "A 1\n").string();
    EXPECT_EQ(loop.RunUntilDone(registry.Open(table).Find("a")), "1");
    EXPECT_EQ(loop.RunUntilDone(registry.OpenForVirtual(table).Find("a")), std::nullopt);
}

TEST_F(TableRegistryTest, PartsOfAKeyAreInTheResultsOfPatternsWhereThatIsAllowed) {
    const std::string table = scratch.Write("table", "/^(.*)@/ $1\n/./ all\n").string();
    const auto find = [&](LookupTable& opened) { return loop.RunUntilDone(opened.Find("Joe@x")); };
    for (const std::string type : {"regexp:", "pcre:", "proxy:pcre:"}) {
        EXPECT_EQ(find(registry.Open(type + table)), "Joe") << type;
        EXPECT_EQ(find(registry.OpenInList(type + table)), "Joe") << type;
        EXPECT_EQ(find(registry.Open(type + table, Substitution::kForbiddenInTransports)), "all")
            << type;
        EXPECT_EQ(find(registry.OpenForVirtual(type + table)), "all") << type;
        EXPECT_EQ(
            find(*registry.OpenChain("x", {type + table}, Substitution::kForbiddenInTransports)
                      .Tables()[0]),
            "all")
            << type;
    }
}

TEST_F(TableRegistryTest, SaysForWhomARuleIsNone) {
    const std::string rule = "pcre:{{/^(.*)@/ $1/}}";
    registry.OpenForVirtual(rule);
    registry.Open(rule, Substitution::kForbiddenInTransports);
    EXPECT_THAT(warnings,
                testing::ElementsAre(HasSubstr(rule + ":1: skipped: virtual(8) takes no $1"),
                                     HasSubstr(rule + ":1: skipped: transport_maps take no $1")));
}

TEST_F(TableRegistryTest, RulesMayStandInTheNameOfATable) {
    EXPECT_EQ(loop.RunUntilDone(registry.Open("cidr:{{10.0.0.0/8 ten}}").Find("10.1.1.1")), "ten");
    EXPECT_EQ(loop.RunUntilDone(registry.Open("pcre:{{/^x/ ex}}").Find("xy")), "ex");
    EXPECT_EQ(loop.RunUntilDone(registry.Open("static:{all of them}").Find("a")), "all of them");
    EXPECT_THAT(Refusal("regexp:{{/^x/ ex}"), HasSubstr("the braces do not match"));
}

TEST_F(TableRegistryTest, OpensTheTablesOfAListInOrder) {
    const TableChain chain = registry.OpenChain(
        "virtual_alias_maps", {"inline:{a=1}, proxy:inline:{ b=2 }", "inline:{a=3}"});
    ASSERT_THAT(chain.Tables(), testing::SizeIs(3));
    EXPECT_EQ(chain.Tables()[1]->Name(), "inline:{ b=2 }");
    EXPECT_EQ(loop.RunUntilDone(chain.Find("a")), "1");
}

TEST_F(TableRegistryTest, SaysWhatIsAcceptedWhereATypeIsNot) {
    EXPECT_THAT(Refusal("ldap:/x"), HasSubstr("mysql, sqlite, hash, btree, lmdb, cdb, dbm, sdbm, "
                                              "texthash, cidr, regexp, pcre, inline and static"));
    EXPECT_THAT(Refusal("/etc/postfix/x.cf"), HasSubstr("type:name"));
}

TEST_F(TableRegistryTest, NamesTheFileThatIsMissing) {
    for (const char* type : {"mysql", "sqlite", "texthash", "cidr", "hash", "regexp", "pcre"})
        EXPECT_THAT(Refusal(type + std::string(":/nonexistent/file")),
                    HasSubstr("/nonexistent/file"));
}

TEST_F(TableRegistryTest, DoesNotCallADatabaseMissingThatMayNotBeLookedAt) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    const auto database = scratch.Write("private/mail.sqlite", "");
    scratch.Write("table.cf", "dbpath = " + database.string() + "\nquery = SELECT 1\n");
    const std::string table = "sqlite:" + (scratch / "table.cf").string();
    ASSERT_EQ(chmod(database.parent_path().c_str(), 0700), 0);
    {
        const test::Unprivileged nobody;
        EXPECT_THAT(Refusal(table), HasSubstr("cannot be looked at (Permission denied): "));
    }
    std::filesystem::remove(database);
    EXPECT_THAT(Refusal(table), HasSubstr("does not exist"));
}

TEST_F(TableRegistryTest, SaysAgainWhatIsWrongWithATable) {
    const std::string refusal = Refusal("cidr:/nonexistent/file");
    EXPECT_EQ(Refusal("cidr:/nonexistent/file"), refusal);
}

TEST_F(TableRegistryTest, ATableWhoseDomainParameterNamesItselfIsRefused) {
    const std::string path = (scratch / "table.cf").string();
    scratch.Write("table.cf",
                  "dbpath = /dev/null\nquery = SELECT 1\ndomain = sqlite:" + path + "\n");
    EXPECT_THAT(Refusal("sqlite:" + path), HasSubstr("\"domain\""));
}

TEST_F(TableRegistryTest, AFileIsReadOnceForAllRegistriesThatShareItsContents) {
    const std::string list = scratch.Write("list", "a.example # b\n");
    const std::string table = scratch.Write("table", "a 1\nb\n");
    const std::string parameters =
        scratch.Write("table.cf", "dbpath = /dev/null\nquery = SELECT 1\nnonsense = 1\n");
    const auto contents = std::make_shared<TableContents>();
    for (int i = 0; i < 2; ++i) {
        TableRegistry one(loop, Settings(), contents);
        one.OpenDomainList("mydestination", {list}, DomainList::Matching::kExact);
        one.Open("texthash:" + table);
        if (i == 0) one.Open("sqlite:" + parameters);
        for (const char* name : {"list", "table"}) std::filesystem::remove(scratch / name);
    }
    EXPECT_THAT(warnings, testing::ElementsAre(HasSubstr("list:1: "), HasSubstr("table:2: "),
                                               HasSubstr("nonsense")));
    EXPECT_FALSE(contents->IsUpToDate());
}

TEST_F(TableRegistryTest, AMysqlTableIsOpenedWhetherItsServerIsUpOrNot) {
    const auto file =
        scratch.Write("table.cf", "hosts = unix:/nonexistent\ndbname = x\nquery = SELECT 1\n");
    registry.Open("mysql:" + file.string());
    EXPECT_THAT(warnings, testing::IsEmpty());
}

TEST_F(TableRegistryTest, CountsServersAndFilesThatTablesShareOnce) {
    const auto mysql = [&](const char* name, const std::string& user) {
        const auto file =
            scratch.Write(name, "hosts = unix:/nonexistent 192.0.2.1\nuser = " + user +
                                    "\ndbname = x\nquery = SELECT 1\n");
        registry.Open("mysql:" + file.string());
    };
    mysql("one.cf", "u");
    mysql("same.cf", "u");
    mysql("other.cf", "v");
    const std::string sqlite = "dbpath = /dev/null\nquery = SELECT 1\n";
    for (const char* name : {"sqlite1.cf", "sqlite2.cf"})
        registry.Open("sqlite:" + scratch.Write(name, sqlite).string());
    EXPECT_EQ(registry.MysqlServers(), 4u);
    EXPECT_EQ(registry.SqliteFiles(), 1u);
}

TEST_F(TableRegistryTest, OpensDomainListsOfWordsAndTables) {
    const DomainList domains = registry.OpenDomainList(
        "mydestination", {"localhost inline:{a.example=x}"}, DomainList::Matching::kExact);
    EXPECT_TRUE(loop.RunUntilDone(domains.Contains("A.example")));
    EXPECT_FALSE(loop.RunUntilDone(domains.Contains("b.example")));
}

}  // namespace
}  // namespace policyd::tables
