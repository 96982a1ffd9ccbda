#include "policyd/ctl/table_definition.hpp"

#include "common/config/config_error.hpp"
#include "common/tables/logical_lines.hpp"
#include "common/tables/table_list.hpp"
#include "common/text/ascii.hpp"
#include "policyd/ctl/sql_query.hpp"

namespace policyd::ctl {
namespace {

void ReadQuery(const std::string& path, tables::Dialect dialect, TableDefinition& table) {
    const std::string content = tables::ReadTableFile(path);
    const tables::WarningSink nobody = [](const std::string&) {};
    tables::LogicalLines lines(path, content, nobody);
    while (const auto line = lines.Next()) {
        const std::string_view text = line->text;
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos || text::Trim(text.substr(0, equals)) != "query")
            continue;
        table.query = text::Trim(WithoutComments(text.substr(equals + 1), dialect));
        table.place = path + ':' + std::to_string(line->first);
    }
}

TableDefinition DefinitionOf(std::string name) {
    if (name.starts_with("proxy:")) name.erase(0, 6);
    TableDefinition table{.name = name, .place = "", .query = ""};
    const std::string type = name.substr(0, name.find(':'));
    if (type != "mysql" && type != "sqlite" && type != "pgsql") return table;
    try {
        const auto dialect = type == "mysql" ? tables::Dialect::kMysql : tables::Dialect::kSqlite;
        ReadQuery(name.substr(type.size() + 1), dialect, table);
    } catch (const config::ConfigError&) {
        table.query.clear();  // CheckBackEnds has reported it
    }
    return table;
}

}  // namespace

bool IsTableList(const config::Option& option) {
    return option.name.ends_with("_maps");
}

bool IsDomainList(const config::Option& option) {
    return option.name == "mydestination" || option.name.ends_with("_domains");
}

std::vector<TableDefinition> DefinitionsOf(const config::Strings& lists) {
    std::vector<TableDefinition> tables;
    for (const std::string& list : lists)
        for (const std::string& element : tables::SplitTableList(list))
            if (tables::IsTableSpec(element)) tables.push_back(DefinitionOf(element));
    return tables;
}

}  // namespace policyd::ctl
