#include "policyd/server/become_user.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "common/config/config_error.hpp"
#include "common/log/logging.hpp"

namespace policyd::server {

namespace {

void ThrowUnlessDone(int status, const char* what) {
    if (status != 0) throw std::system_error(errno, std::generic_category(), what);
}

const passwd* UserNamed(const std::string& name) {
    const passwd* const user = getpwnam(name.c_str());
    if (user == nullptr)
        throw config::ConfigError("user: expected a user of this system, found \"" + name + '"');
    return user;
}

}  // namespace

void RequireUser(const std::string& name) {
    UserNamed(name);
}

void BecomeUser(const std::string& name) {
    const passwd* const user = UserNamed(name);
    log::GiveFileTo(user->pw_uid, user->pw_gid);
    ThrowUnlessDone(initgroups(user->pw_name, user->pw_gid), "initgroups");
    ThrowUnlessDone(setresgid(user->pw_gid, user->pw_gid, user->pw_gid), "setresgid");
    ThrowUnlessDone(setresuid(user->pw_uid, user->pw_uid, user->pw_uid), "setresuid");
}

}  // namespace policyd::server
