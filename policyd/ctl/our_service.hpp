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

    /// Whether policyd listens there, or is meant: a port is enough, since who asks may know the
    /// host by another name, and a path may be one in a chroot or not. Whatever it is where only
    /// its service manager knows.
    bool Is(const std::string& endpoint) const;
    /// Where it is asked, and not behind what decides in any case.
    bool IsAsked(const AskedService& service) const;

    /// The file that smtpd takes a path for: a relative one is below its queue directory, and any
    /// one is where that is its root.
    std::filesystem::path FileAt(const std::string& path, bool in_chroot) const;
    /// Whether policyd listens there; or anybody, where only its service manager knows.
    bool ListensAt(const std::filesystem::path& file) const;

private:
    const config::Settings& settings_;
    const std::filesystem::path queue_directory_;
    RestrictionClasses classes_;
};

}  // namespace policyd::ctl
