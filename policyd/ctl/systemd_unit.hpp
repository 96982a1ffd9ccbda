#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace policyd::ctl {

/// A service of systemd as it is in force, with what drop-ins add. One that is not there, as all
/// are where there is no systemd, has no properties.
class SystemdUnit {
public:
    /// "policyd".
    explicit SystemdUnit(std::string name);

    const std::string& Name() const { return name_; }
    /// As `systemctl show` prints it; empty where it has none.
    std::string Property(const std::string& property) const;
    /// The words of such a list, without the marks in front of paths.
    std::vector<std::string> List(const std::string& property) const;
    /// Whether its program is started with this configuration.
    bool StartsWith(const std::filesystem::path& configuration) const;

private:
    std::string name_;
    std::map<std::string, std::string> properties_;
};

}  // namespace policyd::ctl
