// Table files with the warnings and the answers that they must give. tests/golden/<type>/<name>.in
// is a table, <name>.map has the keys, <name>.ref what is expected; POLICYD_WRITE_GOLDEN=1 writes
// the .ref files anew, for a look at what has changed.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/async/event_loop.hpp"
#include "common/tables/table_registry.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::tables {
namespace {

namespace fs = std::filesystem;

std::string Answers(const std::string& type, const fs::path& table) {
    std::ostringstream answers;
    TableSettings settings;
    settings.reader = ReadAs::kPostmap;
    settings.warn = [&](const std::string& warning) {
        const std::size_t path = warning.find(table.string());
        answers << "warning: " << warning.substr(path + table.parent_path().string().size() + 1)
                << "\n";
    };
    async::EventLoop loop;
    TableRegistry registry(loop, settings);
    LookupTable& opened = registry.Open(type + ":" + table.string());
    std::ifstream keys(fs::path(table).replace_extension(".map"));
    for (std::string key; std::getline(keys, key);) {
        answers << key << " -> ";
        try {
            const auto value = loop.RunUntilDone(opened.Find(key));
            answers << (value ? "\"" + *value + "\"" : "not found") << "\n";
        } catch (const outage::TableUnavailable&) {
            answers << "error\n";
        }
    }
    return answers.str();
}

std::vector<fs::path> GoldenTables() {
    std::vector<fs::path> tables;
    for (const auto& entry : fs::recursive_directory_iterator(test::SourcePath("tests/golden"))) {
        if (entry.path().extension() == ".in") tables.push_back(entry.path());
    }
    std::sort(tables.begin(), tables.end());
    return tables;
}

class GoldenTableTest : public testing::TestWithParam<fs::path> {};

TEST_P(GoldenTableTest, GivesTheWarningsAndAnswersThatAreWrittenDown) {
    const fs::path table = GetParam();
    const std::string answers = Answers(table.parent_path().filename(), table);
    const fs::path reference = fs::path(table).replace_extension(".ref");
    if (std::getenv("POLICYD_WRITE_GOLDEN") != nullptr) std::ofstream(reference) << answers;
    EXPECT_EQ(answers, test::ReadFile(reference));
}

INSTANTIATE_TEST_SUITE_P(Tables, GoldenTableTest, testing::ValuesIn(GoldenTables()),
                         [](const auto& table) {
                             return table.param.parent_path().filename().string() + "_" +
                                    table.param.stem().string();
                         });

}  // namespace
}  // namespace policyd::tables
