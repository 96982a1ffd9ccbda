// `policyctl lookup TABLE KEY` beside `postmap -q KEY TABLE`, as an administrator runs them: the
// same output, and an exit status of the same kind. postmap ends with 0 where a key is found and
// with 1 both where it is not and where the table cannot tell; policyctl has statuses of its own
// for the latter (75 for now, 78 for a mistake in a file).
//
// Behind proxy: Postfix asks proxymap(8), which is no judge of a mistake in a .cf file or of an
// SQLite query that is wrong: it ends, and postmap asks again for ever. Those are compared without
// it.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <future>
#include <memory>

#include "tests/support/mariadb_server.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/postfix_instance.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::test {
namespace {

enum class Kind { kFound, kNotFound, kError };

struct Answer {
    Kind kind = Kind::kFound;
    std::string output;
    std::string errors;
};

class LookupCommandAgreementTest : public testing::Test {
protected:
    static void SetUpTestSuite() { site_ = std::make_unique<Site>(); }
    static void TearDownTestSuite() { site_.reset(); }

    static const std::vector<std::string>& Tables() { return site_->tables; }
    static const std::vector<std::string>& BrokenTables() { return site_->broken; }

    struct Case {
        std::string table;
        std::string key;
        std::string input;
    };

    static Answer Postmap(const Case& asked) {
        const Finished finished =
            site_->postfix->Command({"postmap", "-q", asked.key, asked.table}, asked.input);
        const bool failed = finished.errors.find("fatal: ") != std::string::npos;
        const Kind kind = failed                 ? Kind::kError
                          : finished.status == 0 ? Kind::kFound
                                                 : Kind::kNotFound;
        return {kind, finished.output, finished.errors};
    }

    static Answer Policyctl(const Case& asked) {
        const Finished finished =
            test::Run({ProgramPath("policyctl"), "lookup", asked.table, asked.key}, asked.input);
        const Kind kind = finished.status == 0   ? Kind::kFound
                          : finished.status == 1 ? Kind::kNotFound
                                                 : Kind::kError;
        if (kind == Kind::kError) {
            EXPECT_TRUE(finished.status == 75 || finished.status == 78)
                << asked.table << ' ' << asked.key << ": " << finished.status << finished.errors;
        }
        return {kind, finished.output, finished.errors};
    }

    /// Asks for several at a time: an error takes postmap a second.
    void Compare(const char* what, const std::vector<Case>& cases) {
        constexpr std::size_t kAtOnce = 12;
        std::size_t agreed = 0, kinds[3] = {0, 0, 0};
        for (std::size_t begin = 0; begin < cases.size(); begin += kAtOnce) {
            const std::size_t end = std::min(begin + kAtOnce, cases.size());
            std::vector<std::future<Answer>> answers, our_answers;
            for (std::size_t i = begin; i < end; ++i) {
                answers.push_back(std::async(std::launch::async, &Postmap, cases[i]));
                our_answers.push_back(std::async(std::launch::async, &Policyctl, cases[i]));
            }
            for (std::size_t i = begin; i < end; ++i) {
                const Answer postfix = answers[i - begin].get();
                const Answer ours = our_answers[i - begin].get();
                const bool agree = postfix.kind == ours.kind && postfix.output == ours.output;
                if (agree) ++agreed;
                ++kinds[static_cast<std::size_t>(postfix.kind)];
                EXPECT_TRUE(agree) << cases[i].table << " \"" << cases[i].key
                                   << "\"\npostmap:   " << postfix.output << postfix.errors
                                   << "policyctl: " << ours.output << ours.errors;
            }
        }
        std::printf(
            "look-up commands, %s: %zu of %zu agree (%zu found, %zu not found, %zu errors)\n", what,
            agreed, cases.size(), kinds[0], kinds[1], kinds[2]);
    }

    static bool EndsProxymap(const std::string& table) {
        return table.find("mistake") != table.npos || table.find("nonsense") != table.npos ||
               table.starts_with("sqlite:") || table.starts_with("inline:");
    }

private:
    struct Site {
        Site() {
            mariadb.Execute("CREATE DATABASE mail CHARACTER SET utf8mb4; USE mail;" + Rows());
            test::Run({"sqlite3", (scratch / "db").string()}, Rows());
            const std::string mysql =
                "hosts = " + mariadb.Hosts() + "\nuser = root\ndbname = mail\n";
            const std::string sqlite = "dbpath = " + (scratch / "db").string() + "\n";
            for (const auto& [type, connection] :
                 {std::pair<std::string, std::string>("mysql", mysql), {"sqlite", sqlite}}) {
                AddSql(type, "rows", connection, "query = SELECT v FROM t WHERE k = '%s'\n");
                AddSql(type, "one", connection,
                       "query = SELECT v FROM t WHERE k = '%s' ORDER BY v\nexpansion_limit = 1\n");
                AddSql(type, "format", connection,
                       "query = SELECT v FROM t WHERE k = '%u'\nresult_format = %D:[%s]\n"
                       "domain = example.com\n");
                Break(type, "wrong", connection + "query = SELECT nothing FROM nowhere\n");
                Break(type, "mistake", connection + "expansion_limit = some\nquery = SELECT 1\n");
                Break(type, "nonsense", connection + "no equals sign\n");
                Break(type, "nowhere",
                      (type == "mysql" ? "hosts = unix:/nonexistent\ndbname = mail\n"
                                       : "dbpath = /nonexistent/db\n") +
                          std::string("query = SELECT 1\n"));
                broken.push_back(type + ":/nonexistent.cf");
            }
            Add("texthash", "rows",
                "# c\njoe@example.com sales\nJOE2 Upper\nk  v w \n more\njoe a\n");
            Add("texthash", "twice", "joe a\njoe b\nk v\n");
            Add("texthash", "cases", "Joe a\njoe b\nK v\nbytes \xff\n\xff bytes\n");
            Add("cidr", "networks",
                "192.0.2.0/24 near\n!192.0.2.0/23 far\nif 2001:db8::/32\n2001:db8::1 one\nendif\n"
                "bad line\n");
            tables.push_back("inline:{joe@example.com=sales, {k = v w}}");
            tables.push_back("inline:{joe=a, Joe=b, K=v, joe=c}");
            for (const char* table :
                 {"inline:{ }", "inline:{a}", "inline:x", "nosuch:table", "nocolon",
                  "texthash:/nonexistent/table", "cidr:/nonexistent/table"})
                broken.push_back(table);
            std::string proxied;
            for (const auto* all : {&tables, &broken})
                for (const std::string& table : *all) proxied += "proxy:" + table + ' ';
            postfix = std::make_unique<PostfixInstance>(
                PostfixInstance::Parameters{{"proxy_read_maps", proxied}});
        }

        static std::string Rows() {
            return "CREATE TABLE t (k VARCHAR(99), v TEXT);"
                   "INSERT INTO t VALUES ('joe@example.com', 'sales'), ('joe', 'a'), ('joe', 'b'),"
                   "('o''neil', 'quoted'), ('empty', ''), ('nothing', NULL), ('k', 'v w'),"
                   "('jos\xc3\xa9', '\xc3\xa9t\xc3\xa9');";
        }
        void Add(const std::string& type, const std::string& name, const std::string& content) {
            const auto path = scratch.Write(type + "-" + name, content);
            MakeLookSettled(path);
            tables.push_back(type + ":" + path.string());
        }
        void Break(const std::string& type, const std::string& name, const std::string& content) {
            const auto path = scratch.Write(type + "-" + name + ".cf", content);
            MakeLookSettled(path);
            broken.push_back(type + ":" + path.string());
        }
        void AddSql(const std::string& type, const std::string& name, const std::string& connection,
                    const std::string& rest) {
            Add(type, name + ".cf", connection + rest);
        }

        ScratchDirectory scratch;
        MariaDbServer mariadb;
        std::vector<std::string> tables;
        std::vector<std::string> broken;
        std::unique_ptr<PostfixInstance> postfix;
    };

    static inline std::unique_ptr<Site> site_;
};

const char* const kKeys[] = {
    "joe@example.com", "JOE@Example.COM", "nobody", "k",       "joe",  "joe2",
    "o'neil",          "jos\xc3\xa9",     "empty",  "nothing", "\xff", "192.0.2.1",
    "192.0.3.1",       "2001:DB8:0::1",   "@"};

TEST_F(LookupCommandAgreementTest, AnswersAsPostmapDoesOnEachTable) {
    std::vector<Case> cases;
    for (const std::string& table : Tables())
        for (const char* key : kKeys) cases.push_back({table, key, ""});
    for (const std::string& table : BrokenTables()) cases.push_back({table, "joe", ""});
    Compare("direct", cases);
}

TEST_F(LookupCommandAgreementTest, AnswersAsPostmapDoesBehindProxymap) {
    std::vector<Case> cases;
    for (const std::string& table : Tables()) {
        for (const char* key :
             {"joe@example.com", "JOE2", "k", "joe", "nobody", "192.0.2.1", "bytes", "\xff"})
            cases.push_back({"proxy:" + table, key, ""});
    }
    for (const std::string& table : BrokenTables())
        if (!EndsProxymap(table)) cases.push_back({"proxy:" + table, "joe", ""});
    Compare("behind proxy:", cases);
}

TEST_F(LookupCommandAgreementTest, OnKeysFromStandardInput) {
    std::vector<Case> cases;
    for (const std::string& table : Tables()) {
        cases.push_back({table, "-", "joe@example.com\nnobody\nk\n192.0.2.7\n"});
        cases.push_back({table, "-", "nobody\n"});
        cases.push_back({table, "-", ""});
    }
    for (const std::string& table : BrokenTables()) cases.push_back({table, "-", "joe\n"});
    Compare("from standard input", cases);
}

}  // namespace
}  // namespace policyd::test
