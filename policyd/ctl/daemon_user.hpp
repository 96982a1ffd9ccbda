#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "policyd/ctl/systemd_unit.hpp"

namespace policyd::ctl {

/// Whom a daemon runs as on this machine. What that user may do is tried, with its rights, so that
/// every directory on the way and ACLs count.
class DaemonUser {
public:
    /// These know nobody where there is no such user, where it is root, and where nothing can be
    /// tried: only root can.
    static std::optional<DaemonUser> OfUnit(const SystemdUnit& unit);
    /// As /etc/init.d/`daemon` starts it with this configuration.
    static std::optional<DaemonUser> OfInitScript(const std::string& daemon,
                                                  const std::filesystem::path& configuration);
    static std::optional<DaemonUser> Named(const std::string& user);

    const std::string& Name() const { return name_; }
    gid_t Group() const { return groups_.front(); }
    bool IsIn(gid_t group) const;

    /// The errno of it; 0 where it works.
    int Connect(const std::string& socket) const;
    int Read(const std::string& path) const;
    int MakeFileIn(const std::filesystem::path& directory) const;
    int Enter(const std::filesystem::path& directory) const;

private:
    DaemonUser(const std::string& user, const std::string& group);

    /// In a process of its own. `action` gives the errno.
    int Try(const std::function<int()>& action) const;
    bool Become() const;

    std::string name_;
    uid_t id_ = 0;
    std::vector<gid_t> groups_;  // the first is the primary one
    bool enters_all_ = false;    // CAP_DAC_READ_SEARCH, as policyd-scan has it
};

}  // namespace policyd::ctl
