#pragma once

#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <string>

#include "common/async/event_loop.hpp"
#include "common/tables/table_registry.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::tables {

/// Makes tables of one type with given contents.
class TableMaker {
public:
    using Rows = std::map<std::string, std::string>;

    virtual ~TableMaker() = default;

    /// Returns the table's name. Called once.
    virtual std::string Make(const Rows& rows) = 0;
    /// Whether a table of this type can have such a key. Every type can have IP addresses.
    virtual bool CanHold(std::string_view key) const = 0;
};

/// What every table type promises (lookup_table.hpp). The parameter makes a maker.
class LookupTableContract : public testing::TestWithParam<std::unique_ptr<TableMaker> (*)()> {
protected:
    void SetUp() override { maker_ = GetParam()(); }

    void Open(const TableMaker::Rows& rows) {
        TableSettings settings;
        settings.mysql_time_limit = std::chrono::seconds(10);
        settings.warn = [this](const std::string& text) { warnings_.push_back(text); };
        registry_ = std::make_unique<TableRegistry>(loop_, settings);
        name_ = maker_->Make(rows);
        table_ = &registry_->Open(name_);
    }
    std::optional<std::string> Find(std::string_view key) {
        return loop_.RunUntilDone(table_->Find(key));
    }

    async::EventLoop loop_;
    std::unique_ptr<TableMaker> maker_;
    std::vector<std::string> warnings_;
    std::unique_ptr<TableRegistry> registry_;
    std::string name_;
    LookupTable* table_ = nullptr;
};

TEST_P(LookupTableContract, TellsWhatIsThereFromWhatIsNot) {
    Open({{"192.0.2.1", "one"}, {"2001:db8::1", "two words, and commas"}});

    EXPECT_EQ(Find("192.0.2.1"), "one");
    EXPECT_EQ(Find("2001:db8::1"), "two words, and commas");
    EXPECT_EQ(Find("192.0.2.2"), std::nullopt);
    EXPECT_THAT(warnings_, testing::IsEmpty());
}

TEST_P(LookupTableContract, FoldsTheCaseOfKeysAndNotOfValues) {
    Open({{"2001:db8::a", "Value"}});
    EXPECT_EQ(Find("2001:DB8::A"), "Value");

    if (!maker_->CanHold("joe@example.com")) return;
    maker_ = GetParam()();
    Open({{"joe@example.com", "Joe"}, {"strasse", "SS"}});
    EXPECT_EQ(Find("JoE@EXAMPLE.com"), "Joe");
    EXPECT_EQ(Find("Straße"), "SS");
}

TEST_P(LookupTableContract, FindsNothingForKeysThatNoTableCanHold) {
    Open({{"192.0.2.1", "one"}});

    EXPECT_EQ(Find(""), std::nullopt);
    EXPECT_EQ(Find("192.0.2.1\xff"), std::nullopt);
    EXPECT_EQ(Find(std::string_view("192.0.2.1\0", 10)), std::nullopt);
    EXPECT_EQ(Find(std::string(100'000, 'x')), std::nullopt);
}

TEST_P(LookupTableContract, TakesSpecialCharactersInKeysLiterally) {
    TableMaker::Rows rows{{"192.0.2.1", "0"}, {"o'neil@x", "1"},    {"a\\b@x", "2"},
                          {"a%b@x", "3"},     {"a_b@x", "4"},       {"josé@x", "5"},
                          {"x\"y\"@x", "6"},  {"' or '1'='1", "7"}, {"😀@x", "8"},
                          {"a?b$1@x", "9"}};
    std::erase_if(rows, [this](const auto& row) { return !maker_->CanHold(row.first); });
    Open(rows);
    for (const auto& [key, value] : rows) EXPECT_EQ(Find(key), value) << key;
    for (const char* key : {"axb@x", "a%@x", "_@x", "o''neil@x", "a\\\\b@x", "' or 1=1 -- "})
        EXPECT_EQ(Find(key), std::nullopt) << key;
}

TEST_P(LookupTableContract, AnswersBehindProxyTooAndIsTheSameTableWhenOpenedTwice) {
    Open({{"192.0.2.1", "one"}});

    EXPECT_EQ(table_->Name(), name_);
    EXPECT_EQ(&registry_->Open(name_), table_);
    table_ = &registry_->Open("proxy:" + name_);
    EXPECT_EQ(table_->Name(), name_);
    EXPECT_EQ(Find("192.0.2.1"), "one");
    EXPECT_EQ(Find("192.0.2.2"), std::nullopt);
}

inline void Fail(const std::exception_ptr& failure) {
    std::rethrow_exception(failure);
}

inline async::Task<> FindInto(LookupTable& table, std::string key, std::vector<std::string>& found,
                              int& unfinished) {
    found.push_back(key + "=" + (co_await table.Find(key)).value_or("nothing"));
    --unfinished;
}

TEST_P(LookupTableContract, AnswersManyLookUpsAtOnceEachWithItsOwnValue) {
    TableMaker::Rows rows;
    for (int i = 0; i < 200; ++i) rows["192.0.2." + std::to_string(i)] = "v" + std::to_string(i);
    Open(rows);

    std::vector<std::string> found, expected;
    int unfinished = 0;
    for (int i = 0; i < 250; ++i) {
        const std::string key = "192.0.2." + std::to_string(i);
        expected.push_back(key + "=" + (i < 200 ? "v" + std::to_string(i) : "nothing"));
        ++unfinished;
        async::Spawn(FindInto(*table_, key, found, unfinished), &Fail);
    }
    while (unfinished > 0) loop_.RunOnce();
    EXPECT_THAT(found, testing::UnorderedElementsAreArray(expected));
}

TEST_P(LookupTableContract, AnswersQuestionsThatAreAskedTogetherAsItAnswersThemAlone) {
    Open({{"192.0.2.1", "one"}, {"2001:db8::a", "two"}});
    const std::vector<std::string> keys{"192.0.2.1", "192.0.2.2", "2001:DB8::A", "",
                                        "x\xff",     "192.0.2.1", "' OR ''='"};
    std::vector<Question> questions;
    for (const std::string& key : keys) questions.push_back({table_, key});

    const std::vector<Outcome> outcomes = loop_.RunUntilDone(FindTogether(questions));

    ASSERT_EQ(outcomes.size(), keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (table_->Server() == nullptr) {
            EXPECT_TRUE(std::holds_alternative<std::monostate>(outcomes[i])) << "in memory";
        } else {
            const auto* const value = std::get_if<std::optional<std::string>>(&outcomes[i]);
            ASSERT_NE(value, nullptr) << keys[i];
            EXPECT_EQ(*value, Find(keys[i])) << keys[i];
        }
    }
}

}  // namespace policyd::tables
