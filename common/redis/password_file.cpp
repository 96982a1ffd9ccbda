#include "common/redis/password_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "common/files/read_file.hpp"

namespace policyd::redis {

std::string ReadPasswordFile(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0)
        throw std::runtime_error(path + ": " + std::strerror(errno));
    if ((status.st_mode & S_IROTH) != 0)
        throw std::runtime_error(path + " may be read by everyone: chmod o-r it");
    std::string password;
    try {
        files::ReadFile(path, [&password](std::string_view part) {
            password += part;
            return part.find('\n') == part.npos;
        });
    } catch (const std::system_error& error) {
        throw std::runtime_error(path + ": " + error.code().message());
    }
    password.resize(std::min(password.find('\n'), password.size()));
    if (password.empty())
        throw std::runtime_error(path + ": there is no password in its first line");
    return password;
}

}  // namespace policyd::redis
