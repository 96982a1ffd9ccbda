#include "policyd/ctl/lookup_command.hpp"

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "common/async/event_loop.hpp"
#include "common/tables/table_registry.hpp"
#include "policyd/ctl/exit_status.hpp"

namespace policyd::ctl {
namespace {

struct LookupArguments {
    std::string table;
    std::string key;
};

tables::TableSettings PatientSettings(Terminal& terminal) {
    tables::TableSettings settings;
    settings.mysql_connections = 1;
    settings.reader = tables::ReadAs::kPostmap;
    settings.mysql_time_limit = std::chrono::seconds(10);
    settings.warn = [&terminal](const std::string& text) {
        terminal.err << "policyctl: warning: " << text << '\n';
    };
    return settings;
}

void WarnOfEmptyValue(const LookupArguments& arguments, const std::string& key,
                      Terminal& terminal) {
    terminal.err << "policyctl: warning: table " << arguments.table << ": key " << key
                 << ": an empty value is a mistake for Postfix\n";
}

std::optional<std::string> LookUp(async::EventLoop& loop, tables::LookupTable& table,
                                  const LookupArguments& arguments, const std::string& key,
                                  Terminal& terminal) {
    std::optional<std::string> value = loop.RunUntilDone(table.Find(key));
    if (value && value->empty()) WarnOfEmptyValue(arguments, key, terminal);
    return value;
}

int RunLookup(const LookupArguments& arguments, Terminal& terminal) {
    async::EventLoop loop;
    tables::TableRegistry registry(loop, PatientSettings(terminal));
    tables::LookupTable& table = registry.Open(arguments.table);
    if (arguments.key != "-") {
        const auto value = LookUp(loop, table, arguments, arguments.key, terminal);
        if (value) terminal.out << *value << '\n';
        return value ? kSuccess : kNotFound;
    }
    int status = kNotFound;
    for (std::string key; std::getline(terminal.in, key);) {
        const auto value = LookUp(loop, table, arguments, key, terminal);
        if (!value) continue;
        terminal.out << key << '\t' << *value << '\n';
        status = kSuccess;
    }
    return status;
}

}  // namespace

Run DefineLookup(CLI::App& command, Terminal& terminal) {
    auto arguments = std::make_shared<LookupArguments>();
    command.add_option("TABLE", arguments->table, "The table, as main.cf names it")->required();
    command.add_option("KEY", arguments->key, "The key, or - for standard input")->required();
    return [arguments, &terminal] { return RunLookup(*arguments, terminal); };
}

}  // namespace policyd::ctl
