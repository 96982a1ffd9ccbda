#include "policyd/ctl/config_command.hpp"

#include <CLI/CLI.hpp>
#include <memory>

#include "common/config/config_file.hpp"
#include "common/config/reference.hpp"
#include "common/metrics/prometheus_text.hpp"
#include "policyd/ctl/exit_status.hpp"

namespace policyd::ctl {
namespace {

struct ConfigArguments {
    std::string document;
    std::string config = config::kDefaultPath;
};

std::string Document(const ConfigArguments& arguments) {
    if (arguments.document == "sample") return config::SampleFile();
    if (arguments.document == "reference") return config::MarkdownReference();
    if (arguments.document == "man") return config::ManualPage();
    if (arguments.document == "metrics") return metrics::MarkdownReference();
    return config::ShowAll(config::LoadConfigFile(arguments.config));
}

}  // namespace

Run DefineConfig(CLI::App& command, Terminal& terminal) {
    auto arguments = std::make_shared<ConfigArguments>();
    command.add_option("DOCUMENT", arguments->document, "What to print")
        ->required()
        ->check(CLI::IsMember({"show", "sample", "reference", "man", "metrics"}));
    command.add_option("--config", arguments->config, "The file that show reads")
        ->capture_default_str()
        ->type_name("FILE");
    return [arguments, &terminal] {
        terminal.out << Document(*arguments);
        return kSuccess;
    };
}

}  // namespace policyd::ctl
