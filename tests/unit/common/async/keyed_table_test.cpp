#include "common/async/keyed_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace policyd::async {
namespace {

struct Entry {
    std::string key;
    int value = 0;
};

class KeyedTableTest : public testing::Test {
protected:
    void Put(const std::string& key, int value) {
        table_.Put(std::make_shared<Entry>(Entry{key, value}));
    }
    /// -1 if there is none.
    int ValueOf(const std::string& key) {
        const auto entry = table_.Find(key);
        return entry ? entry->value : -1;
    }

    KeyedTable<Entry> table_;
};

TEST_F(KeyedTableTest, HoldsWhatAMapWouldHoldAfterAnyChanges) {
    std::mt19937 random(1);
    std::map<std::string, int> model;
    for (int step = 0; step < 20'000; ++step) {
        const std::string key = std::to_string(random() % 300);
        switch (random() % 4) {
            case 0:
            case 1:
                Put(key, step);
                model[key] = step;
                break;
            case 2:
                table_.Erase(key);
                model.erase(key);
                break;
            default:
                ASSERT_EQ(ValueOf(key), model.contains(key) ? model[key] : -1);
        }
        ASSERT_EQ(table_.Size(), model.size());
    }
    for (const auto& [key, value] : model) EXPECT_EQ(ValueOf(key), value);
}

TEST_F(KeyedTableTest, FetchesAheadWithoutCountingItAsAUse) {
    const auto fetch = [this](const std::string& key) {
        table_.Fetch(key, Ahead::kPlace);
        table_.Fetch(key, Ahead::kEntry);
    };
    fetch("none where there is no table");
    for (int i = 0; i < 8; ++i) Put(std::to_string(i), i);
    fetch("none");
    fetch("3");
    ASSERT_EQ(ValueOf("5"), 5);
    for (int i = 0; i < 7; ++i) table_.EraseOne();
    EXPECT_EQ(ValueOf("5"), 5) << "the only one that was used";
}

TEST_F(KeyedTableTest, LetsGoWhatWasNotUsedSinceItLastWentAround) {
    for (int i = 0; i < 8; ++i) Put(std::to_string(i), i);
    ASSERT_EQ(ValueOf("5"), 5);
    for (int i = 0; i < 7; ++i) table_.EraseOne();
    EXPECT_EQ(table_.Size(), 1u);
    EXPECT_EQ(ValueOf("5"), 5) << "the only one that was used";
}

TEST_F(KeyedTableTest, AnEntryThatSomebodyHoldsOutlivesItsPlace) {
    Put("a", 1);
    const auto entry = table_.Find("a");
    table_ = {};
    EXPECT_EQ(entry->value, 1);
    EXPECT_EQ(table_.Find("a"), nullptr);
}

}  // namespace
}  // namespace policyd::async
