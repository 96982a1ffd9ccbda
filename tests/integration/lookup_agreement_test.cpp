// Look-ups compared with `postmap -q` over the same tables.
//
//     POLICYD_SEED=7 POLICYD_CASES=10000 build/dev/bin/integration_lookup_agreement
//
// makes other and more cases for each table type; a case is one key in one table. A disagreement is
// made smaller by leaving out lines, then shown.
//
// Not compared, since the judge cannot settle it:
// - the wording of warnings (compared are the lines that are warned of, where all could be opened);
// - keys with a zero byte or a line end, which postmap cannot be given, and "-", which it reads as
//   an instruction;
// - numbers of groups above 2^31, which Postfix reads modulo 2^32, and expressions for which PCRE2
//   needs more than some ten milliseconds;
// - cidr prefix lengths above 2^31, which Postfix reads modulo 2^32;
// - BIT columns and what a table says while its server is down: see the contract suite.

#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <future>
#include <memory>
#include <set>

#include "common/log/logging.hpp"
#include "common/sqlite/database.hpp"
#include "tests/integration/lookup_agreement_case.hpp"
#include "tests/integration/lookup_agreement_files.hpp"
#include "tests/integration/lookup_agreement_judge.hpp"
#include "tests/integration/lookup_agreement_sql.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/mariadb_server.hpp"

namespace policyd::test {
namespace {

class LookupAgreementTest : public testing::Test {
protected:
    LookupAgreementTest() { spdlog::set_level(spdlog::level::off); }

    /// Makes cases until there are enough keys; stops at the first disagreement.
    void Compare(const char* what, std::uint64_t enough,
                 const std::function<LookupCase()>& make_case) {
        std::uint64_t agreed = 0;
        std::map<LookupOutcome::Kind, std::uint64_t> kinds;
        while (agreed < enough && !HasFailure()) {
            std::vector<Round> rounds;
            for (int i = 0; i < 50; ++i) rounds.push_back(Begin(make_case()));
            for (Round& round : rounds) {
                if (Disagree(round)) {
                    Show(Shrunk(round.lookup));
                    break;
                }
                agreed += round.lookup.keys.size();
                for (const LookupOutcome& outcome : postfix_.outcomes) ++kinds[outcome.kind];
            }
        }
        std::printf(
            "look-ups, %s: %llu agree (%llu found, %llu not found, %llu errors), seed %llu\n", what,
            static_cast<unsigned long long>(agreed),
            static_cast<unsigned long long>(kinds[LookupOutcome::Kind::kFound]),
            static_cast<unsigned long long>(kinds[LookupOutcome::Kind::kNotFound]),
            static_cast<unsigned long long>(kinds[LookupOutcome::Kind::kError]),
            static_cast<unsigned long long>(seed));
    }

    /// A case that the judge is busy with.
    struct Round {
        LookupCase lookup;
        std::unique_ptr<LookupStage> stage;
        std::future<LookupAnswers> postfix;
    };

    Round Begin(LookupCase lookup) {
        auto stage = std::make_unique<LookupStage>(lookup, places);
        auto answers = std::async(std::launch::async, [this, lookup, &stage = *stage] {
            return judge_.Ask(lookup, stage);
        });
        return {std::move(lookup), std::move(stage), std::move(answers)};
    }

    bool Disagree(Round& round) {
        postfix_ = round.postfix.get();
        ours_ = our_lookups_.Ask(round.lookup, *round.stage);
        if (postfix_.outcomes != ours_.outcomes) return true;
        // A file with a mistake is left where it is found; how far, is not compared.
        const bool opened = !std::all_of(
            ours_.outcomes.begin(), ours_.outcomes.end(),
            [](const auto& outcome) { return outcome.kind == LookupOutcome::Kind::kError; });
        // Rules in the name of a table have no file whose lines could be told of.
        if (!opened || round.lookup.table.find(".cf") != std::string::npos ||
            round.lookup.files.empty())
            return false;
        return LinesWarnedOf(round.lookup, postfix_) != LinesWarnedOf(round.lookup, ours_);
    }

    /// Of patterns Postfix says several things about one line.
    static std::multiset<int> LinesWarnedOf(const LookupCase& lookup,
                                            const LookupAnswers& answers) {
        const bool has_patterns =
            lookup.table.starts_with("regexp:") || lookup.table.starts_with("pcre:");
        if (!has_patterns) return answers.lines;
        const std::set<int> once(answers.lines.begin(), answers.lines.end());
        return {once.begin(), once.end()};
    }

    bool Disagree(const LookupCase& lookup) {
        Round round = Begin(lookup);
        return Disagree(round);
    }

    LookupCase Shrunk(LookupCase lookup) {
        for (std::size_t i = lookup.keys.size(); i-- > 0;) {
            LookupCase smaller = lookup;
            smaller.keys.erase(smaller.keys.begin() + static_cast<std::ptrdiff_t>(i));
            if (!smaller.keys.empty() && Disagree(smaller)) lookup = smaller;
        }
        for (const auto& [name, content] : LookupCase(lookup).files) {
            for (std::size_t begin = 0; begin < lookup.files[name].size();) {
                LookupCase smaller = lookup;
                std::string& text = smaller.files[name];
                const std::size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
                text.erase(begin, end - begin);
                if (Disagree(smaller)) {
                    lookup = smaller;
                } else {
                    begin = end;
                }
            }
        }
        Disagree(lookup);
        return lookup;
    }

    void Show(const LookupCase& lookup) {
        std::string text = lookup.table + "\n";
        for (const auto& [name, content] : lookup.files)
            text += "--- " + name + "\n" + content + "---\n";
        for (std::size_t i = 0; i < lookup.keys.size(); ++i) {
            text += "\"" + lookup.keys[i] + "\"  postmap: " + postfix_.outcomes[i].ToText() +
                    "  ours: " + ours_.outcomes[i].ToText() + "\n";
        }
        text += "lines warned of, postmap:";
        for (const int line : postfix_.lines) text += " " + std::to_string(line);
        text += "  ours:";
        for (const int line : ours_.lines) text += " " + std::to_string(line);
        ADD_FAILURE() << "POLICYD_SEED=" << seed << "\n" << text;
    }

    const std::uint64_t seed = FromEnvironment("POLICYD_SEED", 1);
    const std::uint64_t cases = FromEnvironment("POLICYD_CASES", 600);
    LookupCaseGenerator generator{seed};
    std::map<std::string, std::string> places;

private:
    PostmapJudge judge_;
    OurLookups our_lookups_;
    LookupAnswers postfix_;
    LookupAnswers ours_;
};

TEST_F(LookupAgreementTest, TexthashTablesAnswerAsPostfixDoes) {
    Compare("texthash", cases, [this] { return generator.Texthash(); });
}

TEST_F(LookupAgreementTest, TablesThatPostmapCompilesAnswerAsPostfixDoes) {
    Compare("hash", cases, [this] {
        LookupCase lookup = generator.Texthash();
        lookup.table = "hash:{DIR}/table";
        return lookup;
    });
}

TEST_F(LookupAgreementTest, CidrTablesAnswerAsPostfixDoes) {
    Compare("cidr", cases, [this] { return generator.Cidr(); });
}

TEST_F(LookupAgreementTest, TablesOfRegularExpressionsAnswerAsPostfixDoes) {
    Compare("regexp", cases, [this] { return generator.Patterns("regexp"); });
}

TEST_F(LookupAgreementTest, TablesOfPerlExpressionsAnswerAsPostfixDoes) {
    Compare("pcre", cases, [this] { return generator.Patterns("pcre"); });
}

TEST_F(LookupAgreementTest, InlineTablesAnswerAsPostfixDoes) {
    Compare("inline", cases / 2, [this] { return generator.Inline(); });
}

TEST_F(LookupAgreementTest, SqliteTablesAnswerAsPostfixDoes) {
    const ScratchDirectory scratch;
    sqlite::Database database(scratch / "db", sqlite::Database::Mode::kReadWrite,
                              std::chrono::milliseconds(0));
    database.Execute("BEGIN;" + generator.DatabaseContents(false) + "COMMIT");
    places["{DB}"] = (scratch / "db").string();
    Compare("sqlite", cases, [this] { return generator.Sqlite(); });
}

TEST_F(LookupAgreementTest, MysqlTablesAnswerAsPostfixDoes) {
    MariaDbServer server;
    server.Execute("CREATE DATABASE agreement");
    server.Execute("BEGIN;" + generator.DatabaseContents(true) +
                       "COMMIT;\n"
                       "DELIMITER //\n"
                       "CREATE PROCEDURE one(k TEXT) BEGIN SELECT concat('<', k, '>'); END //\n"
                       "CREATE PROCEDURE two(k TEXT) BEGIN SELECT 1; SELECT 2; END //\n"
                       "CREATE PROCEDURE none(k TEXT) BEGIN SET @x = k; END //\n",
                   "agreement");
    places["{HOSTS}"] = server.Hosts();
    Compare("mysql", cases, [this] { return generator.Mysql(); });
}

}  // namespace
}  // namespace policyd::test
