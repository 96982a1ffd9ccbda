#include "policyd/ctl/surroundings_check.hpp"

#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <string_view>
#include <vector>

#include "common/async/endpoint.hpp"
#include "common/config/config_error.hpp"
#include "common/config/expansion.hpp"
#include "common/recipients/mailbox_search.hpp"

namespace policyd::ctl {
namespace {

namespace fs = std::filesystem;

class SurroundingsCheck {
public:
    SurroundingsCheck(const config::ConfigFile& file, Report& report)
        : file_(file), settings_(config::Expanded(file.settings)), report_(report) {}

    void Run() {
        CheckListeners();
        CheckUsers();
        CheckSocketMode();
        CheckDirectories();
        CheckFiles();
        CheckSources();
        CheckPairs();
    }

private:
    /// "policyd.toml:12: user: " and what is wrong.
    std::string At(const std::string& option, const std::string& message) const {
        return config::ConfigError(file_.path, file_.LineOf(option), option + ": " + message)
            .what();
    }

    void CheckListeners() {
        if (settings_.listen.empty())
            report_.Warning(At("listen",
                               "it is empty, so policyd starts only where its service manager "
                               "passes a socket to it"));
        std::map<std::string, std::string> options;  // by what they listen on
        const auto check = [&](const std::string& option, const std::string& endpoint) {
            if (endpoint.empty()) return;
            const auto [other, is_first] = options.emplace(endpoint, option);
            if (!is_first)
                report_.Warning(
                    At(option, endpoint + " is what " + other->second + " has already"));
            CheckSocketDirectory(option, async::ParseEndpoint(endpoint));
            CheckSocketAddress(option, async::ParseEndpoint(endpoint));
        };
        for (const std::string& endpoint : settings_.listen) check("listen", endpoint);
        check("metrics_listen", settings_.metrics_listen);
        check("control_socket", settings_.control_socket);
    }

    /// Some are made by who starts the program, such as /run/policyd.
    void CheckSocketDirectory(const std::string& option, const async::Endpoint& endpoint) {
        if (endpoint.kind != async::Endpoint::Kind::kUnix) return;
        const fs::path directory = fs::path(endpoint.path).parent_path();
        if (directory.is_relative())
            report_.Warning(At(option, endpoint.path + " is no absolute path"));
        else if (IsSet(option) && LacksDirectory(endpoint.path))
            report_.Warning(At(option, directory.string() + " is not there yet"));
    }

    /// With any port: policyd may have the right one already.
    void CheckSocketAddress(const std::string& option, const async::Endpoint& endpoint) {
        if (endpoint.kind != async::Endpoint::Kind::kInet) return;
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = AI_PASSIVE;
        addrinfo* found = nullptr;
        if (const int error = getaddrinfo(endpoint.host.c_str(), "0", &hints, &found); error != 0)
            return report_.Warning(At(option, endpoint.host + ": " + gai_strerror(error)));
        const int tried = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (tried >= 0 && bind(tried, found->ai_addr, found->ai_addrlen) != 0 &&
            errno == EADDRNOTAVAIL)
            report_.Warning(At(option, endpoint.host + " is no address of this machine"));
        if (tried >= 0) close(tried);
        freeaddrinfo(found);
    }

    void CheckUsers() {
        if (!settings_.user.empty() && getpwnam(settings_.user.c_str()) == nullptr)
            report_.Warning(At("user", "there is no user " + settings_.user));
        const std::string& group = settings_.unix_socket_group;
        if (!Sockets().empty() && !group.empty() && getgrnam(group.c_str()) == nullptr)
            report_.Warning(At("unix_socket_group", "there is no group " + group));
    }

    /// Who connects writes.
    void CheckSocketMode() {
        const std::string& mode = settings_.unix_socket_mode;
        if ((std::stoul(mode, nullptr, 8) & (S_IWGRP | S_IWOTH)) != 0) return;
        const auto sockets = Sockets();
        if (std::all_of(sockets.begin(), sockets.end(), &BelongsToPostfix)) return;
        report_.Warning(At("unix_socket_mode",
                           "with " + mode +
                               " nobody but the owner of the socket may connect: Postfix only "
                               "where policyd is started as its mail_owner: set 0660"));
    }

    std::vector<fs::path> Sockets() const {
        constexpr std::string_view kUnix = "unix:";
        std::vector<fs::path> sockets;
        for (const std::string& endpoint : settings_.listen)
            if (endpoint.starts_with(kUnix)) sockets.push_back(endpoint.substr(kUnix.size()));
        return sockets;
    }

    /// Shows once policyd has made it; "postfix" is the usual mail_owner.
    static bool BelongsToPostfix(const fs::path& path) {
        struct stat socket {};
        const passwd* const owner = getpwnam("postfix");
        return owner != nullptr && stat(path.c_str(), &socket) == 0 &&
               socket.st_uid == owner->pw_uid;
    }

    /// Without the log nothing starts; the scanner may well run on another machine.
    void CheckDirectories() {
        constexpr std::string_view kFile = "file:";
        const std::string& log = settings_.log_destination;
        if (log.starts_with(kFile) && LacksDirectory(log.substr(kFile.size())))
            report_.Error(At("log_destination", "there is no directory for " + log));
        if (log.starts_with(kFile) && IsDirectory(log.substr(kFile.size())))
            report_.Error(At("log_destination", log + " is a directory"));
        if (IsSet("virtual_mailbox_base") && !IsDirectory(settings_.virtual_mailbox_base))
            report_.Warning(
                At("virtual_mailbox_base", settings_.virtual_mailbox_base + " is no directory"));
        // Who writes to these hears of no failure.
        for (const auto& [destination, socket] :
             {std::pair("syslog", "/dev/log"), std::pair("journal", "/run/systemd/journal/socket")})
            if (log == destination && !fs::exists(socket))
                report_.Warning(At("log_destination", "there is no " + std::string(socket) +
                                                          ", so that every line is lost"));
        for (const auto& [option, path] :
             {std::pair("scan_state_file", settings_.scan_state_file),
              std::pair("scan_metrics_file", settings_.scan_metrics_file)})
            if (IsSet(option) && LacksDirectory(path))
                report_.Warning(At(option, "there is no directory for " + path));
    }

    /// What root made by hand, in a directory of the daemons'.
    void CheckFiles() {
        CheckOwner("log_destination", PathIn(settings_.log_destination, "file:"));
        CheckOwner("usage_store", PathIn(settings_.usage_store, "sqlite:"));
        if (!settings_.scan_state_file.empty())
            CheckOwner("scan_state_file", settings_.scan_state_file + ".lock");
    }

    /// Empty where the value is of another kind.
    static std::string PathIn(std::string_view value, std::string_view kind) {
        return value.starts_with(kind) ? std::string(value.substr(kind.size())) : std::string();
    }

    void CheckOwner(const std::string& option, const fs::path& path) {
        struct stat file {};
        struct stat directory {};
        if (stat(path.c_str(), &file) != 0 || stat(path.parent_path().c_str(), &directory) != 0)
            return;
        const bool group_may_write =
            file.st_gid == directory.st_gid && (file.st_mode & S_IWGRP) != 0;
        if (file.st_uid != 0 || directory.st_uid == 0 || group_may_write) return;
        report_.Warning(At(option, path.string() +
                                       " belongs to root, so the daemons may not write it: chown "
                                       "--reference=" +
                                       path.parent_path().string() + ' ' + path.string() +
                                       " && chmod g+rw " + path.string()));
    }

    bool IsSet(const std::string& option) const { return file_.LineOf(option) != 0; }

    static bool IsDirectory(const fs::path& path) {
        std::error_code error;
        return fs::is_directory(path, error);
    }

    /// No where nobody may look.
    static bool LacksDirectory(const fs::path& path) {
        if (!path.has_parent_path()) return false;
        std::error_code error;
        const fs::file_status status = fs::status(path.parent_path(), error);
        return status.type() != fs::file_type::none && status.type() != fs::file_type::directory;
    }

    void CheckSources() {
        if (settings_.usage_source != "scan" && settings_.dovecot_quota_clone.empty())
            report_.Error(
                At("usage_source", "\"" + settings_.usage_source + "\" needs dovecot_quota_clone"));
        const std::string& command = settings_.quota_warning_command;
        if (!command.empty() && (access(command.c_str(), X_OK) != 0 || IsDirectory(command)))
            report_.Warning(At("quota_warning_command", command + " cannot be run"));
    }

    void CheckPairs() {
        if (settings_.virtual_mailbox_maps.empty())
            for (const std::string* transport :
                 {&settings_.relay_transport, &settings_.default_transport})
                if (IsForMailboxes(*transport))
                    report_.Warning(At("mailbox_transports",
                                       *transport +
                                           " is among them, but without virtual_mailbox_maps "
                                           "nobody has a mailbox behind it, and so no quota"));
        // A mailbox that does not change is committed again after the longer of these.
        if (settings_.usage_max_age.count() > 0 &&
            settings_.usage_max_age <=
                std::max(settings_.scan_interval, settings_.scan_refresh_interval))
            report_.Warning(At("usage_max_age",
                               "it is not longer than scan_interval and scan_refresh_interval, so "
                               "usage is taken for stale between two scans"));
    }

    bool IsForMailboxes(std::string_view transport) const {
        const std::size_t colon = transport.find(':');
        const std::string_view next_hop =
            colon == transport.npos ? "" : transport.substr(colon + 1);
        return recipients::ListsTransport(settings_.mailbox_transports, transport.substr(0, colon),
                                          next_hop);
    }

    const config::ConfigFile& file_;
    const config::Settings settings_;
    Report& report_;
};

}  // namespace

void CheckSurroundings(const config::ConfigFile& file, Report& report) {
    SurroundingsCheck(file, report).Run();
}

}  // namespace policyd::ctl
