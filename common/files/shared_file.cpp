#include "common/files/shared_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "common/files/descriptor.hpp"

namespace policyd::files {

namespace {

[[noreturn]] void Fail(const std::string& path) {
    throw std::system_error(errno, std::generic_category(), path);
}

/// Under no other name, and not behind a symbolic link: who may change the path meanwhile would
/// have root give him a file of another directory.
bool IsIn(const Descriptor& directory, const std::string& name, const struct stat& file) {
    struct stat found {};
    return fstatat(directory.Get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
           found.st_dev == file.st_dev && found.st_ino == file.st_ino && found.st_nlink == 1;
}

}  // namespace

void ShareAsItsDirectory(int made, const std::string& path) {
    const std::size_t name = path.rfind('/') + 1;  // 0 where there is none
    const std::string parent = name == 0 ? "." : path.substr(0, name);
    const Descriptor opened(open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat directory {};
    struct stat file {};
    if (!opened || fstat(opened.Get(), &directory) != 0) Fail(parent);
    if (fstat(made, &file) != 0) Fail(path);
    if (!IsIn(opened, path.substr(name), file)) return;
    const bool is_made_for_another = geteuid() == 0 && directory.st_uid != 0;
    // A root that may not give it away (capabilities(7)) has to do without.
    if (is_made_for_another && fchown(made, directory.st_uid, directory.st_gid) != 0 &&
        errno != EPERM)
        Fail(path);
    constexpr mode_t kForGroup = S_IRGRP | S_IWGRP;
    const bool is_for_group = (directory.st_mode & S_IWGRP) != 0;
    if (is_for_group && fchmod(made, (file.st_mode & 07777) | kForGroup) != 0) Fail(path);
}

}  // namespace policyd::files
