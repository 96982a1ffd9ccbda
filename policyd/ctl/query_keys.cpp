#include "policyd/ctl/query_keys.hpp"

#include <stdexcept>
#include <string>

#include "common/config/expansion.hpp"
#include "common/config/options.hpp"
#include "common/tables/query_template.hpp"
#include "policyd/ctl/table_definition.hpp"

namespace policyd::ctl {
namespace {

/// With all the parts that a query may ask for.
constexpr const char* kDomain = "a.name.that.is.in.no.table.of.invalid";

/// Asked by a domain alone, without a user in front of it.
bool IsAskedByDomain(const config::Option& option) {
    return IsDomainList(option) || option.name.starts_with("virtual_domain_");
}

void Check(const config::Option& option, const TableDefinition& table, Report& report) {
    const std::string where = table.place + ": " + std::string(option.name) + ": ";
    try {
        if (!tables::Template(table.query).Uses("sudSUD123456789"))
            report.Warning(where +
                           "the query has no placeholder for the key, and so one answer for all "
                           "keys: write '%s' where the key belongs");
        else if (IsAskedByDomain(option) &&
                 !tables::QueryTemplate(table.query, "%s").IsSearchable(kDomain))
            report.Warning(where +
                           "the key is a domain alone, without an @, and has no part that %d or "
                           "%1 to %9 could stand for, so the query is never made: write '%s'");
    } catch (const std::invalid_argument&) {
        // CheckBackEnds reports it
    }
}

}  // namespace

void WarnOfQueryKeys(const config::ConfigFile& file, Report& report) {
    const config::Settings settings = config::Expanded(file.settings);
    for (const config::Option& option : config::Options()) {
        const auto* lists = std::get_if<config::Strings config::Settings::*>(&option.field);
        if (lists == nullptr) continue;
        for (const TableDefinition& table : DefinitionsOf(settings.**lists))
            if (!table.query.empty()) Check(option, table, report);
    }
}

}  // namespace policyd::ctl
