#include "common/config/config_error.hpp"
#include "common/tables/mysql_table.hpp"
#include "common/tables/table_file.hpp"
#include "tests/fuzz/memory_file.hpp"
#include "tests/fuzz/targets.hpp"

namespace policyd::fuzz {

void RunTableFile(std::string_view bytes) {
    const MemoryFile memory(bytes);
    const tables::WarningSink ignore = [](const std::string&) {};
    try {
        const tables::TableFile file(memory.Path(), ignore);
        file.WarnOfAllBut({"hosts", "query"}, ignore);
        tables::ReadAccount(file, std::chrono::seconds(1), ignore);
        tables::QueryTemplate(file.NeededText("query"), file.Text("result_format", "%s"));
    } catch (const config::ConfigError&) {
    } catch (const std::invalid_argument&) {
    }
}

}  // namespace policyd::fuzz
