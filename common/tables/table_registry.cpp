#include "common/tables/table_registry.hpp"

#include "common/config/config_error.hpp"
#include "common/log/logging.hpp"
#include "common/tables/inline_table.hpp"
#include "common/tables/table_list.hpp"
#include "common/text/ascii.hpp"
#include "common/text/unicode.hpp"

namespace policyd::tables {

TableRegistry::TableRegistry(async::EventLoop& loop, TableSettings settings)
    : loop_(loop), settings_(std::move(settings)) {
    if (!settings_.warn)
        settings_.warn = [](const std::string& warning) { log::Warning("table: {}", warning); };
}

TableRegistry::~TableRegistry() = default;

LookupTable& TableRegistry::Open(std::string_view spec) {
    static constexpr std::string_view kProxy = "proxy:";
    spec = text::Trim(spec);
    while (spec.substr(0, kProxy.size()) == kProxy) spec.remove_prefix(kProxy.size());
    const auto known = tables_.find(spec);
    if (known != tables_.end()) return *known->second;
    const std::size_t colon = spec.find(':');
    if (colon == std::string_view::npos) {
        throw config::ConfigError("\"" + text::EscapedForLog(spec) +
                                  "\" is no table: write type:name, for instance "
                                  "mysql:/etc/postfix/mysql-virtual_forwardings.cf");
    }
    auto table = Make(spec.substr(0, colon), std::string(spec.substr(colon + 1)));
    return *tables_.emplace(spec, std::move(table)).first->second;
}

std::unique_ptr<LookupTable> TableRegistry::Make(std::string_view type, const std::string& name) {
    if (type == "inline") return std::make_unique<InlineTable>(name);
    throw config::ConfigError("\"" + text::EscapedForLog(std::string(type) + ":" + name) +
                              "\": the table types are mysql, sqlite, texthash, cidr and inline" +
                              (type == "hash" || type == "btree" || type == "cdb" || type == "lmdb"
                                   ? "; texthash reads the text that postmap makes such a file of"
                                   : ""));
}

TableChain TableRegistry::OpenChain(const std::string& parameter,
                                    const std::vector<std::string>& lists) {
    std::vector<LookupTable*> tables;
    for (const std::string& list : lists) {
        for (const std::string& spec : SplitTableList(list)) tables.push_back(&Open(spec));
    }
    return TableChain(parameter, std::move(tables));
}

DomainList TableRegistry::OpenDomainList(const std::string& parameter,
                                         const std::vector<std::string>& lists,
                                         DomainList::Matching matching) {
    const auto open = [this](std::string_view spec) -> LookupTable& { return Open(spec); };
    return DomainList(parameter, lists, matching, open, settings_.warn);
}

}  // namespace policyd::tables
