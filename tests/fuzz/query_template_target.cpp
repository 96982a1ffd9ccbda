#include <stdexcept>

#include "common/tables/query_template.hpp"
#include "tests/fuzz/targets.hpp"

namespace policyd::fuzz {

/// Lines: the query, the result format, the key; what follows is a value.
void RunQueryTemplate(std::string_view bytes) {
    const auto line = [&bytes] {
        const std::string_view text = bytes.substr(0, bytes.find('\n'));
        bytes.remove_prefix(std::min(text.size() + 1, bytes.size()));
        return text;
    };
    const std::string_view query = line();
    const std::string_view result_format = line();
    const std::string_view key = line();
    try {
        const tables::QueryTemplate templates(query, result_format);
        if (!templates.IsSearchable(key)) return;
        const auto quote = [](std::string_view part, char) { return std::string(part); };
        for (const auto dialect : {tables::Dialect::kSqlite, tables::Dialect::kMysql,
                                   tables::Dialect::kMysqlWithoutEscapes})
            templates.Query(key, dialect, quote);
        if (const auto& prepared = templates.Prepared())
            Require(templates.Parameters(key).size() == prepared->parameters.size(),
                    "every parameter has a value");
        if (!bytes.empty()) templates.Result(bytes, key);
    } catch (const std::invalid_argument&) {
    }
}

}  // namespace policyd::fuzz
