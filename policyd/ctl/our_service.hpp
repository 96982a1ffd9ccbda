#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/config/settings.hpp"
#include "policyd/ctl/asked_services.hpp"
#include "policyd/ctl/postfix_settings.hpp"

namespace policyd::ctl {

/// Which of the policy services that Postfix asks is policyd. What it is made of outlives it.
class OurService {
public:
    OurService(const config::Settings& settings, const PostfixSettings& postfix);

    /// ServicesAskedBy() a list; throws as that does.
    std::vector<AskedService> Read(const std::string& restrictions) const;
    /// The same; nobody where the list cannot be read, of which WarnOfServicePlacement() tells.
    std::vector<AskedService> AskedBy(const std::string& restrictions) const;

    /// Whether its own configuration tells where it listens. Otherwise only its service manager
    /// knows, and whatever is asked is taken for it, but may be another.
    bool IsKnown() const { return !settings_.listen.empty(); }

    /// Whether policyd listens there, or is meant: a port is enough, since who asks may know the
    /// host by another name, and a path may be one in a chroot or not.
    bool Is(const std::string& endpoint) const;
    /// Where it is asked, and not behind what decides in any case.
    bool IsAsked(const AskedService& service) const;
    /// The same of any that a list asks.
    bool IsAskedIn(const std::string& restrictions) const;

    /// The file that smtpd takes a path for: a relative one is below its queue directory, and any
    /// one is where that is its root.
    std::filesystem::path FileAt(const std::string& path, bool in_chroot) const;
    /// Whether policyd listens there; or anybody, where it is not known.
    bool ListensAt(const std::filesystem::path& file) const;

private:
    const config::Settings& settings_;
    const std::filesystem::path queue_directory_;
    RestrictionClasses classes_;
};

}  // namespace policyd::ctl
