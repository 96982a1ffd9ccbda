#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "policyd/ctl/systemd_unit.hpp"

namespace policyd::ctl {

/// What of the file system a unit leaves to its processes, whatever the rights of its user are.
class UnitFiles {
public:
    enum class Access { kHidden, kReadOnly, kWritable };
    struct Rule {
        Access access = Access::kWritable;
        std::string setting;  ///< "ProtectHome=yes"
    };

    /// Of a process in no unit.
    UnitFiles() = default;
    explicit UnitFiles(const SystemdUnit& unit);

    /// For a file that is there, or is to be made.
    Rule RuleFor(const std::filesystem::path& path) const;

private:
    void Add(const std::string& path, Access access, const std::string& setting);
    void AddLists(const SystemdUnit& unit);

    std::map<std::filesystem::path, Rule> rules_;  // the nearest above a path holds
};

}  // namespace policyd::ctl
