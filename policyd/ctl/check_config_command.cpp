#include "policyd/ctl/check_config_command.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <stdexcept>

#include "common/config/config_file.hpp"
#include "common/config/expansion.hpp"
#include "common/log/logging.hpp"
#include "policyd/ctl/back_end_check.hpp"
#include "policyd/ctl/daemon_access.hpp"
#include "policyd/ctl/filtered_mail.hpp"
#include "policyd/ctl/mailbox_paths.hpp"
#include "policyd/ctl/postfix_comparison.hpp"
#include "policyd/ctl/postfix_mistakes.hpp"
#include "policyd/ctl/postfix_settings.hpp"
#include "policyd/ctl/query_keys.hpp"
#include "policyd/ctl/quota_columns.hpp"
#include "policyd/ctl/report.hpp"
#include "policyd/ctl/service_placement.hpp"
#include "policyd/ctl/service_reach.hpp"
#include "policyd/ctl/surroundings_check.hpp"
#include "policyd/ctl/unfollowed_parameters.hpp"
#include "policyd/ctl/unit_filters.hpp"

namespace policyd::ctl {
namespace {

struct CheckArguments {
    std::string config = config::kDefaultPath;
    std::string postfix;
};

void CheckAgainstPostfix(const config::ConfigFile& file, const std::string& directory,
                         Report& report) {
    try {
        const PostfixSettings postfix = ReadPostfixSettings(directory, report);
        CompareWithPostfix(file, postfix, report);
        WarnOfKnownMistakes(file, postfix, report);
        WarnOfServicePlacement(file.settings, postfix, report);
        WarnOfFilteredMail(file.settings, postfix, report);
        WarnOfServiceReach(file, postfix, report);
        WarnOfUnfollowedParameters(config::Expanded(file.settings), postfix, report);
    } catch (const std::invalid_argument& expected) {
        report.Warning(directory + "/main.cf: expected " + expected.what());
    } catch (const std::runtime_error& error) {
        report.Error(error.what());
    }
}

int RunCheckConfig(const CheckArguments& arguments, Terminal& terminal) {
    // What the log would say of back ends is among the findings.
    log::Configure("policyctl", {.level = "error"});
    Report report(terminal.out);
    try {
        const config::ConfigFile file = config::ReadConfigFile(arguments.config);
        CheckSurroundings(file, report);
        WarnOfUnitFilters(file, report);
        CheckDaemonAccess(file, report);
        CheckBackEnds(file, report);
        WarnOfQueryKeys(file, report);
        WarnOfMailboxPaths(file, report);
        WarnOfQuotaColumns(file, report);
        if (!arguments.postfix.empty()) CheckAgainstPostfix(file, arguments.postfix, report);
    } catch (const config::ConfigError& error) {
        report.Error(error.what());
    }
    report.Summarize();
    return report.Status();
}

}  // namespace

Run DefineCheckConfig(CLI::App& command, Terminal& terminal) {
    auto arguments = std::make_shared<CheckArguments>();
    command.add_option("--config", arguments->config, "The configuration to check")
        ->capture_default_str()
        ->type_name("FILE");
    command
        .add_option("--postfix", arguments->postfix,
                    "Compare with the main.cf in this directory, as postconf -c reads it")
        ->type_name("DIR");
    return [arguments, &terminal] { return RunCheckConfig(*arguments, terminal); };
}

}  // namespace policyd::ctl
