#include "policyd/ctl/service_reach.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/expansion.hpp"
#include "policyd/ctl/our_service.hpp"

namespace policyd::ctl {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnix = "unix:";

constexpr const char* kLists[] = {"smtpd_client_restrictions",     "smtpd_helo_restrictions",
                                  "smtpd_sender_restrictions",     "smtpd_relay_restrictions",
                                  "smtpd_recipient_restrictions",  "smtpd_data_restrictions",
                                  "smtpd_end_of_data_restrictions"};

/// How each smtpd comes to policyd: one warning for each rule that is broken.
class Reach {
public:
    Reach(const config::ConfigFile& file, const PostfixSettings& postfix, Report& report)
        : settings_(config::Expanded(file.settings)),
          postfix_(postfix),
          report_(report),
          ours_(settings_, postfix_) {}

    void LookForAll() {
        for (const auto& [service, smtpd] : postfix_.smtpd)
            for (const char* list : kLists)
                for (const AskedService& asked : ours_.AskedBy(postfix_.ValueIn(service, list)))
                    if (ours_.IsAsked(asked))
                        PathIsAnotherFile(service, smtpd.is_chrooted, asked.endpoint);
    }

private:
    /// In a chroot, or without one.
    void PathIsAnotherFile(const std::string& service, bool in_chroot,
                           const std::string& endpoint) {
        if (!endpoint.starts_with(kUnix)) return;
        const std::string path = endpoint.substr(kUnix.size());
        const fs::path file = ours_.FileAt(path, in_chroot);
        const fs::path meant = ours_.FileAt(path, !in_chroot);
        if (ours_.ListensAt(file) || !ours_.ListensAt(meant)) return;
        report_.Warning(postfix_.directory + "/master.cf: " + service +
                        (in_chroot ? ": runs" : ": does not run") + " in a chroot, so " + endpoint +
                        " is " + file.string() +
                        ", where policyd does not listen: " + WhatToWrite(meant));
    }

    /// A relative path, which is the same file in both cases: of where policyd listens already, if
    /// that can be.
    std::string WhatToWrite(const fs::path& meant) const {
        std::vector<std::string> files{meant.string()};
        for (const std::string& listener : settings_.listen)
            if (listener.starts_with(kUnix)) files.push_back(listener.substr(kUnix.size()));
        for (const std::string& file : files) {
            const fs::path relative = fs::path(file).lexically_relative(ours_.FileAt("", false));
            if (!relative.empty() && *relative.begin() != "..")
                return "write " + std::string(kUnix) + relative.string();
        }
        constexpr const char* kUsual = "policyd/policyd.sock";
        return "write " + std::string(kUnix) + kUsual + ", and add " + std::string(kUnix) +
               ours_.FileAt(kUsual, false).string() + " to listen";
    }

    const config::Settings settings_;
    const PostfixSettings& postfix_;
    Report& report_;
    const OurService ours_;
};

}  // namespace

void WarnOfServiceReach(const config::ConfigFile& file, const PostfixSettings& postfix,
                        Report& report) {
    Reach(file, postfix, report).LookForAll();
}

}  // namespace policyd::ctl
