#include "common/redis/password_file.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace policyd::redis {

std::string ReadPasswordFile(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0)
        throw std::runtime_error(path + ": " + std::strerror(errno));
    if ((status.st_mode & S_IROTH) != 0)
        throw std::runtime_error(path + " may be read by everyone: chmod o-r it");
    std::ifstream file(path);
    std::string password;
    if (!std::getline(file, password) || password.empty())
        throw std::runtime_error(path + ": cannot read a password from it");
    return password;
}

}  // namespace policyd::redis
