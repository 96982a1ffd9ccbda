#include "policyd/ctl/postfix_settings.hpp"

#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "common/tables/logical_lines.hpp"
#include "common/text/ascii.hpp"
#include "policyd/ctl/program_output.hpp"

namespace policyd::ctl {
namespace {

/// Splits "name = value"; nothing where there is no '='.
std::optional<std::pair<std::string, std::string>> Assignment(std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    return std::pair(std::string(text::Trim(line.substr(0, equals))),
                     std::string(text::Trim(line.substr(equals + 1))));
}

void ReportWarnings(const std::string& errors, Report& report) {
    constexpr std::string_view kWarning = "postconf: warning: ";
    std::istringstream lines(errors);
    for (std::string line; std::getline(lines, line);)
        report.Warning(line.starts_with(kWarning) ? line.substr(kWarning.size()) : line);
}

}  // namespace

std::optional<std::string> PostfixSettings::Find(const std::string& name) const {
    for (const auto* known : {&values, &unknown}) {
        const auto found = known->find(name);
        if (found != known->end()) return found->second;
    }
    return std::nullopt;
}

PostfixSettings ReadPostfixSettings(const std::string& directory, Report& report) {
    PostfixSettings settings{.directory = directory, .values = {}, .unknown = {}, .of_service = {}};
    const auto ask = [&](std::vector<std::string> options, const auto& take) {
        options.insert(options.begin(), {"postconf", "-c", directory, "-x"});
        const ProgramOutput printed = OutputOf(options);
        std::istringstream lines(printed.output);
        for (std::string line; std::getline(lines, line);)
            if (auto assignment = Assignment(line)) take(std::move(*assignment));
        return printed.errors;
    };
    // "submission/inet/smtpd_sender_restrictions = "
    ask({"-P"}, [&](const auto& assignment) {
        const auto& [name, value] = assignment;
        const std::size_t parameter = name.rfind('/');
        if (parameter != name.npos)
            settings.of_service[name.substr(0, parameter)][name.substr(parameter + 1)] = value;
    });
    const std::string warnings =
        ask({}, [&](auto assignment) { settings.values.insert(std::move(assignment)); });
    // Not those of the first call: it reads a main.cf that was written just now again and again,
    // until a second has passed, and takes first entries for later ones then.
    ReportWarnings(warnings, report);

    const std::string path = directory + "/main.cf";
    const std::string content = tables::ReadTableFile(path);
    const tables::WarningSink nobody = [](const std::string&) {};
    tables::LogicalLines main_cf(path, content, nobody);
    while (const auto line = main_cf.Next()) {
        auto assignment = Assignment(line->text);
        if (assignment && !settings.values.contains(assignment->first))
            settings.unknown.insert_or_assign(assignment->first, assignment->second);
    }
    return settings;
}

}  // namespace policyd::ctl
