#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/sqlite/database.hpp"
#include "tests/contract/database_table_fixture.hpp"
#include "tests/contract/lookup_table_contract.hpp"

namespace policyd::tables {
namespace {

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

}  // namespace
}  // namespace policyd::tables
