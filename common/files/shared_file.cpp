#include "common/files/shared_file.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>

namespace policyd::files {

namespace {

[[noreturn]] void Fail(const std::string& path) {
    throw std::system_error(errno, std::generic_category(), path);
}

/// What a path was when it was looked at: a directory, wherever its own path leads later, and a
/// name in it.
struct Place {
    explicit Place(const std::string& path)
        : name(path.substr(path.rfind('/') + 1)),
          parent(path.size() == name.size() ? "." : path.substr(0, path.size() - name.size())),
          directory(open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
        if (!directory || fstat(directory.Get(), &status) != 0) Fail(parent);
    }

    std::string name;
    std::string parent;
    Descriptor directory;
    struct stat status {};  ///< of the directory
};

/// Under no other name, and not behind a symbolic link: who may change the path meanwhile would
/// have root give him a file of another directory.
bool IsIn(const Place& place, const struct stat& file) {
    struct stat found {};
    return fstatat(place.directory.Get(), place.name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
           found.st_dev == file.st_dev && found.st_ino == file.st_ino && found.st_nlink == 1;
}

void ShareAsItsDirectory(int made, const std::string& path, const Place& place) {
    struct stat file {};
    if (fstat(made, &file) != 0) Fail(path);
    if (!IsIn(place, file)) return;
    const bool is_made_for_another = geteuid() == 0 && place.status.st_uid != 0;
    // A root that may not give it away (capabilities(7)) has to do without.
    if (is_made_for_another && fchown(made, place.status.st_uid, place.status.st_gid) != 0 &&
        errno != EPERM)
        Fail(path);
    constexpr mode_t kForGroup = S_IRGRP | S_IWGRP;
    const bool is_for_group = (place.status.st_mode & S_IWGRP) != 0;
    if (is_for_group && fchmod(made, (file.st_mode & 07777) | kForGroup) != 0) Fail(path);
}

/// Whether nobody but root may say what is in the directory.
bool IsOfRootAlone(const struct stat& directory) {
    return directory.st_uid == 0 && (directory.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// What its links lead to, such as pipes, need have no path.
bool IsOfProc(const Place& place) {
    struct statfs system {};
    return fstatfs(place.directory.Get(), &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
}

/// For who may write in its directory could have made it of any file. None: it is a symbolic link.
void RefuseWithOtherNames(const Descriptor& file, const std::string& path) {
    struct stat status {};
    if (file && fstat(file.Get(), &status) != 0) Fail(path);
    const bool has_several = S_ISREG(status.st_mode) && status.st_nlink > 1;
    if (file && !has_several) return;
    throw std::system_error(EPERM, std::generic_category(),
                            path + (file ? ": has several names" : ": is a symbolic link") +
                                ", which root uses only where nobody else may write");
}

std::string TargetOf(const Place& link) {
    std::array<char, PATH_MAX> target;
    const ssize_t size =
        readlinkat(link.directory.Get(), link.name.c_str(), target.data(), target.size());
    if (size < 0) Fail(link.parent + link.name);
    const std::string path(target.data(), static_cast<std::size_t>(size));
    return path.starts_with('/') ? path : link.parent + '/' + path;
}

}  // namespace

void ShareAsItsDirectory(int made, const std::string& path) {
    ShareAsItsDirectory(made, path, Place(path));
}

SharedFile OpenShared(std::string path, int flags, mode_t mode) {
    constexpr int kMostLinks = 40;  // as the kernel follows
    for (int followed = 0; followed < kMostLinks; ++followed) {
        const Place place(path);
        const auto open_there = [&](int more) {
            const int all = flags | O_CREAT | O_CLOEXEC | more;
            return Descriptor(openat(place.directory.Get(), place.name.c_str(), all, mode));
        };
        if (Descriptor made = open_there(O_EXCL)) {
            ShareAsItsDirectory(made.Get(), path, place);
            return {std::move(made), true};
        }
        const bool is_careful = geteuid() == 0 && !IsOfProc(place);
        Descriptor file = open_there(is_careful ? O_NOFOLLOW : 0);
        const bool is_link = !file && is_careful && errno == ELOOP;
        if (!file && !is_link) Fail(path);
        if (is_careful && !IsOfRootAlone(place.status)) RefuseWithOtherNames(file, path);
        if (file) return {std::move(file), false};
        path = TargetOf(place);
    }
    errno = ELOOP;
    Fail(path);
}

}  // namespace policyd::files
