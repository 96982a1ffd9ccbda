#include "common/files/shared_file.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <system_error>
#include <utility>

namespace policyd::files {

namespace {

[[noreturn]] void Fail(const std::string& path) {
    throw std::system_error(errno, std::generic_category(), path);
}

constexpr int kMostLinks = 40;  // as the kernel follows

[[noreturn]] void FailForLinks(const std::string& path) {
    errno = ELOOP;
    Fail(path);
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

    /// Without symbolic links but for the name itself.
    std::string RealPath() const { return std::filesystem::canonical(parent) / name; }

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
    // A root that may not give it away (capabilities(7), user_namespaces(7)) has to do without.
    if (is_made_for_another && fchown(made, place.status.st_uid, place.status.st_gid) != 0 &&
        errno != EPERM && errno != EINVAL)
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

/// For who may write in the directory could have made it of any file. A link that is root's is
/// followed, as by protected_symlinks of proc(5): nobody else can make one.
void RefuseOtherNames(const Place& place, const struct stat& there, const std::string& path) {
    const bool is_link = S_ISLNK(there.st_mode) && (there.st_uid != 0 || there.st_nlink > 1);
    const bool has_several = S_ISREG(there.st_mode) && there.st_nlink > 1;
    if (IsOfRootAlone(place.status) || (!is_link && !has_several)) return;
    throw std::system_error(EPERM, std::generic_category(),
                            path + (is_link ? ": is a symbolic link" : ": has several names") +
                                ", which root uses only where nobody else may write");
}

/// Where the link leads that is at `path`.
std::string Followed(const Place& place, const std::string& path) {
    const Descriptor link(
        openat(place.directory.Get(), place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat there {};
    if (!link || fstat(link.Get(), &there) != 0) Fail(path);
    RefuseOtherNames(place, there, path);
    std::array<char, PATH_MAX> bytes;
    const ssize_t size = readlinkat(link.Get(), "", bytes.data(), bytes.size());
    if (size < 0) Fail(path);
    const std::string target(bytes.data(), static_cast<std::size_t>(size));
    return target.starts_with('/') ? target : place.parent + '/' + target;
}

}  // namespace

void ShareAsItsDirectory(int made, const std::string& path) {
    ShareAsItsDirectory(made, path, Place(path));
}

SharedFile OpenShared(std::string path, int flags, mode_t mode) {
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
        if (is_link) {
            path = Followed(place, path);
            continue;
        }
        struct stat there {};
        if (fstat(file.Get(), &there) != 0) Fail(path);
        if (is_careful) RefuseOtherNames(place, there, path);
        return {std::move(file), false};
    }
    FailForLinks(path);
}

std::string SharedPath(std::string path) {
    if (geteuid() != 0) return path;
    for (int followed = 0; followed < kMostLinks; ++followed) {
        const Place place(path);
        struct stat there {};
        if (fstatat(place.directory.Get(), place.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0)
            return place.RealPath();
        RefuseOtherNames(place, there, path);
        if (!S_ISLNK(there.st_mode)) return place.RealPath();
        path = Followed(place, path);
    }
    FailForLinks(path);
}

}  // namespace policyd::files
