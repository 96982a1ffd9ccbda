#include "policyd/ctl/systemd_unit.hpp"

#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "common/config/config_file.hpp"
#include "policyd/ctl/program_output.hpp"

namespace policyd::ctl {
namespace {

constexpr const char* kProperties =
    "LoadState,ExecStart,User,Group,SupplementaryGroups,AmbientCapabilities,IPAddressAllow,"
    "IPAddressDeny,ProtectHome,ProtectSystem,PrivateTmp,InaccessiblePaths,TemporaryFileSystem,"
    "ReadOnlyPaths,ReadWritePaths,BindPaths,BindReadOnlyPaths,StateDirectory,LogsDirectory,"
    "CacheDirectory,RuntimeDirectory,TriggeredBy";

std::string Shown(const std::string& unit) {
    try {
        // It waits for a minute and a half for a systemd that does not answer.
        return OutputOf({"timeout", "5", "systemctl", "show", "-p", kProperties, unit + ".service"})
            .output;
    } catch (const std::runtime_error&) {
        return "";
    }
}

std::vector<std::string> Words(const std::string& text) {
    std::istringstream words(text);
    return {std::istream_iterator<std::string>(words), {}};
}

}  // namespace

SystemdUnit::SystemdUnit(std::string name) : name_(std::move(name)) {
    std::istringstream lines(Shown(name_));
    for (std::string line; std::getline(lines, line);) {
        const std::size_t equals = line.find('=');
        if (equals != line.npos) properties_[line.substr(0, equals)] = line.substr(equals + 1);
    }
    if (Property("LoadState") != "loaded") properties_.clear();
}

std::string SystemdUnit::Property(const std::string& property) const {
    const auto found = properties_.find(property);
    return found == properties_.end() ? "" : found->second;
}

std::vector<std::string> SystemdUnit::List(const std::string& property) const {
    std::vector<std::string> list = Words(Property(property));
    for (std::string& word : list) word.erase(0, word.find_first_not_of("-+"));
    return list;
}

bool SystemdUnit::StartsWith(const std::filesystem::path& configuration) const {
    const std::vector<std::string> command = Words(Property("ExecStart"));
    std::string started_with = config::kDefaultPath;
    constexpr std::string_view kJoined = "--config=";
    for (std::size_t i = 0; i < command.size(); ++i) {
        if (i > 0 && (command[i - 1] == "--config" || command[i - 1] == "-c"))
            started_with = command[i];
        if (command[i].starts_with(kJoined)) started_with = command[i].substr(kJoined.size());
    }
    std::error_code missing;
    return !command.empty() && std::filesystem::equivalent(configuration, started_with, missing);
}

}  // namespace policyd::ctl
