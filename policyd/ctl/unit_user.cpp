#include "policyd/ctl/unit_user.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <vector>

namespace policyd::ctl {
namespace {

struct Rights {
    uid_t user = 0;
    std::vector<gid_t> groups;  // the first is the primary one
    bool enters_all = false;    // CAP_DAC_READ_SEARCH, as the scanner's unit has it
};

/// Nothing where its user is not there, or is root.
std::optional<Rights> RightsOf(const SystemdUnit& unit) {
    const passwd* const user = getpwnam(unit.Property("User").c_str());
    if (user == nullptr || user->pw_uid == 0) return std::nullopt;
    Rights rights{user->pw_uid, {}, false};
    const std::string name = user->pw_name;
    const group* const primary = getgrnam(unit.Property("Group").c_str());
    const gid_t group_id = primary != nullptr ? primary->gr_gid : user->pw_gid;
    int count = 0;
    getgrouplist(name.c_str(), group_id, nullptr, &count);
    rights.groups.resize(static_cast<std::size_t>(count));
    getgrouplist(name.c_str(), group_id, rights.groups.data(), &count);
    for (const std::string& more : unit.List("SupplementaryGroups"))
        if (const group* const found = getgrnam(more.c_str()); found != nullptr)
            rights.groups.push_back(found->gr_gid);
    rights.enters_all =
        unit.Property("AmbientCapabilities").find("cap_dac_read_search") != std::string::npos;
    return rights;
}

bool Enter(const Rights& rights) {
    if (setgroups(rights.groups.size(), rights.groups.data()) != 0) return false;
    const gid_t group = rights.groups.front();
    if (setresgid(group, group, group) != 0) return false;
    if (prctl(PR_SET_KEEPCAPS, 1) != 0) return false;
    if (setresuid(rights.user, rights.user, rights.user) != 0) return false;
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct kept[_LINUX_CAPABILITY_U32S_3] = {};
    if (rights.enters_all) kept[0].effective = kept[0].permitted = 1U << CAP_DAC_READ_SEARCH;
    return syscall(SYS_capset, &header, kept) == 0;
}

}  // namespace

int ConnectAsUserOf(const SystemdUnit& unit, const std::string& socket_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto rights = geteuid() == 0 ? RightsOf(unit) : std::nullopt;
    if (!rights || socket_path.size() >= sizeof address.sun_path) return 0;
    socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
    const pid_t child = fork();
    if (child < 0) return 0;
    if (child == 0) {
        if (!Enter(*rights)) _exit(0);
        const int tried = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        const auto* const to = reinterpret_cast<const sockaddr*>(&address);
        _exit(tried < 0 || connect(tried, to, sizeof address) == 0 ? 0 : errno);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

}  // namespace policyd::ctl
