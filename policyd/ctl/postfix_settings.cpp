#include "policyd/ctl/postfix_settings.hpp"

#include <cstdlib>
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

/// "submission/inet/chroot" in its parts, "submission/inet" and "chroot".
std::optional<std::pair<std::string, std::string>> ServiceAndField(const std::string& name) {
    const std::size_t field = name.rfind('/');
    if (field == name.npos) return std::nullopt;
    return std::pair(name.substr(0, field), name.substr(field + 1));
}

/// What `-` in the field chroot means. Postfix before 3.0 has no compatibility_level.
bool ChrootsByDefault(const PostfixSettings::Values& main_cf) {
    const auto level = main_cf.find("compatibility_level");
    return level == main_cf.end() || std::atoi(level->second.c_str()) < 1;
}

}  // namespace

std::optional<std::string> PostfixSettings::Find(const std::string& name) const {
    for (const auto* known : {&values, &unknown}) {
        const auto found = known->find(name);
        if (found != known->end()) return found->second;
    }
    return std::nullopt;
}

bool PostfixSettings::IsSetIn(const std::string& service, const std::string& name) const {
    const auto own = of_service.find(service);
    return own != of_service.end() && own->second.contains(name);
}

std::string PostfixSettings::ValueIn(const std::string& service, const std::string& name) const {
    return IsSetIn(service, name) ? of_service.at(service).at(name) : Find(name).value_or("");
}

std::string PostfixSettings::PlaceIn(const std::string& service,
                                     const std::string& parameter) const {
    return IsSetIn(service, parameter)
               ? MasterCf(service, parameter)
               : directory + "/master.cf: " + service + ": goes by main.cf: " + parameter;
}

PostfixSettings ReadPostfixSettings(const std::string& directory, Report& report) {
    PostfixSettings settings{.directory = directory,
                             .values = {},
                             .unknown = {},
                             .of_service = {},
                             .smtpd = {},
                             .cleanup = {}};
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
        if (const auto name = ServiceAndField(assignment.first))
            settings.of_service[name->first][name->second] = assignment.second;
    });
    std::map<std::string, PostfixSettings::Values> master_cf;
    ask({"-F"}, [&](const auto& assignment) {
        if (const auto name = ServiceAndField(assignment.first))
            master_cf[name->first][name->second] = assignment.second;
    });
    const std::string warnings =
        ask({}, [&](auto assignment) { settings.values.insert(std::move(assignment)); });
    // Not those of the first call: it reads a main.cf that was written just now again and again,
    // until a second has passed, and takes first entries for later ones then.
    ReportWarnings(warnings, report);
    for (auto& [service, fields] : master_cf) {
        const std::string& command = fields["command"];
        const std::string program = command.substr(0, command.find(' '));
        if (program == "cleanup") settings.cleanup.insert(service);
        if (program != "smtpd") continue;
        const std::string& chroot = fields["chroot"];
        settings.smtpd[service] = {
            .is_chrooted = chroot == "-" ? ChrootsByDefault(settings.values) : chroot == "y",
            .process_limit = fields["process_limit"]};
    }

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
