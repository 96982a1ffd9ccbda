#include "common/tables/compiled_table.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/scratch_directory.hpp"

namespace policyd::tables {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A text and what postmap would have made of it, each written at a second that the test says.
class CompiledTextTest : public testing::Test {
protected:
    CompiledTextTest() {
        Write("joe@example.com a\n", 100);
        Compile(101);
    }

    void Write(const std::string& content, std::time_t at) {
        scratch_.Write("table", content);
        Date("table", at);
    }
    void Compile(std::time_t at) {
        scratch_.Write("table.db", std::to_string(at));
        Date("table.db", at);
    }
    void Date(const std::string& name, std::time_t at) {
        const timespec times[2] = {{at, 0}, {at, 0}};
        ASSERT_EQ(utimensat(AT_FDCWD, (scratch_ / name).c_str(), times, 0), 0);
    }

    std::shared_ptr<CompiledText> Open() {
        return std::make_shared<CompiledText>("hash:table", scratch_ / "table",
                                              scratch_ / "table.db", warn_);
    }
    std::string ValueOf(const std::shared_ptr<CompiledText>& text, const std::string& key) {
        return CompiledTable(text).FindNow(key).value_or("none");
    }

    test::ScratchDirectory scratch_;
    std::vector<std::string> warnings_;
    const WarningSink warn_ = [this](const std::string& text) { warnings_.push_back(text); };
};

TEST_F(CompiledTextTest, IsReadAgainOnceItWasCompiled) {
    const auto text = Open();
    EXPECT_FALSE(text->Refresh(warn_).is_new);
    Write("joe@example.com b\n", 102);
    EXPECT_FALSE(text->Refresh(warn_).is_new);
    EXPECT_EQ(ValueOf(text, "joe@example.com"), "a") << "it may be half written";
    Compile(103);
    EXPECT_TRUE(text->Refresh(warn_).is_new);
    EXPECT_EQ(ValueOf(text, "Joe@Example.com"), "b");
    EXPECT_FALSE(text->Refresh(warn_).is_new);
    EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(CompiledTextTest, HasNamesOfAliasesWhereItWasMadeOfThem) {
    Write("Joe: ann\n\"joe user\" : :include:/list\nann@example.com: bob\n: eve\nplain value\n",
          100);
    for (const std::size_t before : {0, (1 << 20) - 5, 3 << 20}) {
        scratch_.Write("table.db", std::string(before, 'x') + "YP_LAST_MODIFIED");
        Date("table.db", 101);
        const auto text = Open();
        EXPECT_EQ(ValueOf(text, "joe"), "ann") << before;
        EXPECT_EQ(ValueOf(text, "joe user"), ":include:/list");
        for (const char* none : {"joe:", "ann@example.com", "ann@example.com:", "plain"})
            EXPECT_EQ(ValueOf(text, none), "none") << none;
        EXPECT_THAT(warnings_, ElementsAre(HasSubstr("table:3: "), HasSubstr("table:4: "),
                                           HasSubstr("table:5: ")));
        warnings_.clear();
    }
}

TEST_F(CompiledTextTest, HasKeysWithAColonWherePostmapMadeIt) {
    Write("2001:db8: OK\n", 100);
    Compile(101);
    const auto text = Open();
    EXPECT_EQ(ValueOf(text, "2001:db8:"), "OK");
    EXPECT_EQ(ValueOf(text, "2001:db8"), "none");
    EXPECT_THAT(warnings_, ElementsAre(HasSubstr("is this an aliases(5) file?")));
}

TEST_F(CompiledTextTest, IsReadAgainWhereItsTextComesAfterWhatWasCompiledOfIt) {
    const auto text = Open();
    Compile(105);
    EXPECT_TRUE(text->Refresh(warn_).is_new);
    Write("joe@example.com b\n", 104);
    EXPECT_TRUE(text->Refresh(warn_).is_new);
    EXPECT_EQ(ValueOf(text, "joe@example.com"), "b");
}

TEST_F(CompiledTextTest, AnOlderTextThatWasPutBackIsReadOnceItIsCompiled) {
    const auto text = Open();
    Write("sue@example.com a\n", 50);
    const auto refreshed = text->Refresh(warn_);
    EXPECT_FALSE(refreshed.is_new);
    EXPECT_THAT(refreshed.problem, HasSubstr("run postmap hash:table"));
    EXPECT_EQ(ValueOf(text, "joe@example.com"), "a");
    Compile(103);
    EXPECT_TRUE(text->Refresh(warn_).is_new);
    EXPECT_EQ(ValueOf(text, "sue@example.com"), "a");
}

TEST_F(CompiledTextTest, KeepsWhatThereIsWhileAFileIsAwayAndTellsOfIt) {
    const auto text = Open();
    for (const char* name : {"table", "table.db"}) {
        std::filesystem::rename(scratch_ / name, scratch_ / "away");
        const auto refreshed = text->Refresh(warn_);
        EXPECT_FALSE(refreshed.is_new);
        EXPECT_THAT(refreshed.problem, HasSubstr(std::string(name) + ": No such file"));
        EXPECT_EQ(ValueOf(text, "joe@example.com"), "a");
        std::filesystem::rename(scratch_ / "away", scratch_ / name);
    }
    EXPECT_EQ(text->Refresh(warn_).problem, "");
}

TEST_F(CompiledTextTest, TellsOfATextThatHasNotBeenCompiledForAWhile) {
    const auto text = Open();
    Write("joe@example.com b\n", 102);
    EXPECT_THAT(text->Refresh(warn_).problem, HasSubstr("table.db is older than"));
    Write("joe@example.com b\n", std::time(nullptr));
    EXPECT_EQ(text->Refresh(warn_).problem, "") << "it is just being edited, perhaps";
}

TEST_F(CompiledTextTest, AtTheStartReadsWhatThereIsAndWarns) {
    Write("joe@example.com b\n", 102);
    EXPECT_EQ(ValueOf(Open(), "joe@example.com"), "b");
    EXPECT_THAT(warnings_, ElementsAre(HasSubstr("run postmap hash:table")));
    warnings_.clear();
    std::filesystem::remove(scratch_ / "table.db");
    EXPECT_EQ(ValueOf(Open(), "joe@example.com"), "b");
    EXPECT_THAT(warnings_, ElementsAre(HasSubstr("table.db: No such file")));
}

}  // namespace
}  // namespace policyd::tables
