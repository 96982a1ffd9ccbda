#include "common/files/shared_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace policyd::files {

namespace {

[[noreturn]] void Fail(const std::string& path) {
    throw std::system_error(errno, std::generic_category(), path);
}

struct stat StatusOfDirectoryOf(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string directory = slash == path.npos ? "." : path.substr(0, slash + 1);
    struct stat status {};
    if (stat(directory.c_str(), &status) != 0) Fail(directory);
    return status;
}

}  // namespace

void ShareAsItsDirectory(int made, const std::string& path) {
    const struct stat directory = StatusOfDirectoryOf(path);
    struct stat file {};
    if (fstat(made, &file) != 0) Fail(path);
    const bool is_made_for_another = geteuid() == 0 && directory.st_uid != 0;
    if (is_made_for_another && fchown(made, directory.st_uid, directory.st_gid) != 0) Fail(path);
    constexpr mode_t kForGroup = S_IRGRP | S_IWGRP;
    const bool is_for_group = (directory.st_mode & S_IWGRP) != 0;
    if (is_for_group && fchmod(made, (file.st_mode & 07777) | kForGroup) != 0) Fail(path);
}

}  // namespace policyd::files
