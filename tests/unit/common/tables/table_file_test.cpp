#include "common/tables/table_file.hpp"

#include <gmock/gmock.h>

#include "common/config/config_error.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::tables {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TableFileTest : public testing::Test {
protected:
    TableFile Read(std::string_view content) {
        return TableFile(scratch.Write("table.cf", content).string(), warn);
    }
    template <typename Function>
    std::string Refusal(Function function) {
        try {
            function();
            return "nothing";
        } catch (const config::ConfigError& error) {
            return error.what();
        }
    }

    test::ScratchDirectory scratch;
    std::vector<std::string> warnings;
    WarningSink warn = [this](const std::string& text) { warnings.push_back(text); };
};

TEST_F(TableFileTest, TakesValuesAsTheyStand) {
    const TableFile file =
        Read("# c\nquery = SELECT a\n  FROM b -- $x\nempty =\nlimit=+7\nyes = YES\n");
    EXPECT_EQ(file.Text("query"), "SELECT a  FROM b -- $x");
    EXPECT_EQ(file.Text("empty", "x"), "");
    EXPECT_EQ(file.Text("missing", "x"), "x");
    EXPECT_EQ(file.Number("limit", 0, 0), 7);
    EXPECT_TRUE(file.YesOrNo("yes", false));
}

TEST_F(TableFileTest, TheLastOfSeveralValuesHolds) {
    EXPECT_EQ(Read("a = 1\na = 2\n").Text("a"), "2");
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("table.cf:2: ")));
}

TEST_F(TableFileTest, NamesFileLineAndParameterOfAMistake) {
    EXPECT_THAT(Refusal([&] { Read("a = 1\n\njunk here\n"); }), HasSubstr("table.cf:3: "));
    EXPECT_THAT(Refusal([&] { Read("a = x\n").Number("a", 0, 0); }),
                HasSubstr("table.cf:1: \"a\" needs a number"));
    EXPECT_THAT(Refusal([&] { Read("a = 0\n").Number("a", 0, 1); }), HasSubstr("at least 1"));
    EXPECT_THAT(Refusal([&] { Read("a = maybe\n").YesOrNo("a", true); }), HasSubstr("\"yes\""));
    EXPECT_THAT(Refusal([&] { Read("b = 1\n").NeededText("a"); }),
                HasSubstr("table.cf: \"a\" needs a value"));
}

TEST_F(TableFileTest, WarnsOfAParameterThatMeansNothingAndSaysWhatWasMeant) {
    Read("hots = localhost\n").WarnOfAllBut({"hosts", "query"}, warn);
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("perhaps \"hosts\" was meant")));
}

}  // namespace
}  // namespace policyd::tables
