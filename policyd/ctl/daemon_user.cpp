#include "policyd/ctl/daemon_user.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

namespace policyd::ctl {
namespace {

namespace fs = std::filesystem;

bool CanBeTried(const std::string& user) {
    const passwd* const entry = getpwnam(user.c_str());
    return geteuid() == 0 && entry != nullptr && entry->pw_uid != 0;
}

int ErrnoOf(bool works) {
    return works ? 0 : errno;
}

bool Contains(const std::string& text, const char* what) {
    return text.find(what) != text.npos;
}

}  // namespace

DaemonUser::DaemonUser(const std::string& user, const std::string& group) : name_(user) {
    const passwd* const entry = getpwnam(user.c_str());
    id_ = entry->pw_uid;
    gid_t primary = entry->pw_gid;
    if (const auto* const other = getgrnam(group.c_str()); other != nullptr)
        primary = other->gr_gid;
    int count = 0;
    getgrouplist(user.c_str(), primary, nullptr, &count);
    groups_.resize(static_cast<std::size_t>(count));
    getgrouplist(user.c_str(), primary, groups_.data(), &count);
}

std::optional<DaemonUser> DaemonUser::OfUnit(const SystemdUnit& unit) {
    if (!CanBeTried(unit.Property("User"))) return std::nullopt;
    DaemonUser user(unit.Property("User"), unit.Property("Group"));
    for (const std::string& more : unit.List("SupplementaryGroups"))
        if (const group* const found = getgrnam(more.c_str()); found != nullptr)
            user.groups_.push_back(found->gr_gid);
    user.enters_all_ = Contains(unit.Property("AmbientCapabilities"), "cap_dac_read_search");
    return user;
}

std::optional<DaemonUser> DaemonUser::OfInitScript(const std::string& daemon,
                                                   const fs::path& configuration) {
    constexpr std::string_view kConfiguration = "CONFIG=";
    if (!CanBeTried(daemon)) return std::nullopt;
    DaemonUser user(daemon, "policyd");
    std::ifstream script("/etc/init.d/" + daemon);
    bool starts_with_it = false;
    for (std::string line; std::getline(script, line);) {
        std::error_code missing;
        if (line.starts_with(kConfiguration))
            starts_with_it =
                fs::equivalent(configuration, line.substr(kConfiguration.size()), missing);
        if (Contains(line, "--clear-groups")) user.groups_.resize(1);
        if (Contains(line, "+dac_read_search")) user.enters_all_ = true;
    }
    if (!starts_with_it) return std::nullopt;
    return user;
}

std::optional<DaemonUser> DaemonUser::Named(const std::string& user) {
    if (!CanBeTried(user)) return std::nullopt;
    return DaemonUser(user, "");
}

bool DaemonUser::IsIn(gid_t group) const {
    return std::find(groups_.begin(), groups_.end(), group) != groups_.end();
}

int DaemonUser::Connect(const std::string& socket_path) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof address.sun_path) return 0;
    socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
    return Try([&address] {
        const int tried = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        const auto* const to = reinterpret_cast<const sockaddr*>(&address);
        return tried < 0 ? 0 : ErrnoOf(connect(tried, to, sizeof address) == 0);
    });
}

int DaemonUser::Read(const std::string& path) const {
    return Try([&path] { return ErrnoOf(open(path.c_str(), O_RDONLY | O_NONBLOCK) >= 0); });
}

int DaemonUser::MakeFileIn(const fs::path& directory) const {
    return Try([&directory] {
        return ErrnoOf(faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) == 0);
    });
}

int DaemonUser::Enter(const fs::path& directory) const {
    return Try([&directory] {
        return ErrnoOf(faccessat(AT_FDCWD, directory.c_str(), X_OK, AT_EACCESS) == 0);
    });
}

int DaemonUser::Try(const std::function<int()>& action) const {
    const pid_t child = fork();
    if (child < 0) return 0;
    if (child == 0) _exit(Become() ? action() : 0);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

bool DaemonUser::Become() const {
    if (setgroups(groups_.size(), groups_.data()) != 0) return false;
    if (setresgid(Group(), Group(), Group()) != 0) return false;
    if (prctl(PR_SET_KEEPCAPS, 1) != 0) return false;
    if (setresuid(id_, id_, id_) != 0) return false;
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct kept[_LINUX_CAPABILITY_U32S_3] = {};
    if (enters_all_) kept[0].effective = kept[0].permitted = 1U << CAP_DAC_READ_SEARCH;
    return syscall(SYS_capset, &header, kept) == 0;
}

}  // namespace policyd::ctl
