#include "policyd/scanner/store_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace policyd::scanner {

namespace {

constexpr FileTime kSecond = 1'000'000'000;
constexpr FileTime kSlowestStampClock = 2 * kSecond;
constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr unsigned kStampMask = STATX_TYPE | STATX_INO | STATX_MTIME | STATX_CTIME | STATX_SIZE;

FileTime TimeOf(const statx_timestamp& time) {
    return time.tv_sec * kSecond + time.tv_nsec;
}

/// Errors that say that there is nothing of the kind looked for, as happens whenever mail moves.
Sight SightOf(int error) {
    const bool absent =
        error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG;
    return absent ? Sight::kAbsent : Sight::kUnreadable;
}

std::uint32_t DeviceOf(const struct statx& file) {
    return file.stx_dev_major << 20 | file.stx_dev_minor;
}

DirectoryIdentity Identify(int from, const char* path, int flags) {
    struct statx file {};
    const int failed = statx(from, path, flags, STATX_TYPE | STATX_INO | STATX_MNT_ID, &file);
    if (failed != 0 || !S_ISDIR(file.stx_mode)) return {};
    const bool tells_mount = (file.stx_mask & STATX_MNT_ID) != 0;
    return {file.stx_ino, tells_mount ? file.stx_mnt_id : 0, DeviceOf(file)};
}

void Describe(const struct statx& file, SeenDirectory& seen) {
    if (!S_ISDIR(file.stx_mode)) return;
    seen.sight = Sight::kThere;
    seen.size = file.stx_size;
    seen.stamp = {file.stx_ino, TimeOf(file.stx_mtime), TimeOf(file.stx_ctime), DeviceOf(file)};
}

void Fail(int error, SeenDirectory& seen) {
    seen.sight = SightOf(error);
    seen.error = error;
}

}  // namespace

FileTime CoarseFileClock() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec * kSecond + now.tv_nsec;
}

DirectoryIdentity IdentityOf(const std::string& path) {
    return Identify(AT_FDCWD, path.c_str(), 0);
}

DirectoryIdentity IdentityOf(const Descriptor& directory) {
    return Identify(directory.Get(), "", AT_EMPTY_PATH);
}

bool IsTooYoung(FileTime changed, FileTime now) {
    return changed > now - kSlowestStampClock;
}

bool MayHideChange(FileTime changed, FileTime looked) {
    if (changed > looked + kSecond) return false;  // the clock was set back: it shows another time
    return changed >= (changed % kSecond == 0 ? looked - looked % kSecond : looked);
}

StoreFiles::StoreFiles(const std::string& root)
    : root_(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (!root_) throw std::system_error(errno, std::generic_category(), root);
    struct statfs system {};
    if (fstatfs(root_.Get(), &system) == 0 && system.f_type == EXT4_SUPER_MAGIC)
        ext4_device_ = LookAtOpen(root_).stamp.device;
}

SeenDirectory StoreFiles::Look(const char* path) const {
    SeenDirectory seen;
    struct statx file;
    if (statx(root_.Get(), path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, kStampMask, &file) == 0) {
        Describe(file, seen);
    } else {
        Fail(errno, seen);
    }
    return seen;
}

OpenedDirectory StoreFiles::Open(const char* path) const {
    OpenedDirectory opened;
    opened.directory = Descriptor(OpenFollowingNothing(path, kDirectoryFlags));
    if (opened.directory) {
        static_cast<SeenDirectory&>(opened) = LookAtOpen(opened.directory);
        opened.is_on_ext4 = ext4_device_ == opened.stamp.device;
    } else {
        Fail(errno, opened);
    }
    return opened;
}

bool StoreFiles::HasNothingAt(const char* path) const {
    return Open(path).error == ENOENT;
}

SeenDirectory StoreFiles::LookAtOpen(const Descriptor& directory) const {
    SeenDirectory seen;
    struct statx file;
    if (statx(directory.Get(), "", AT_EMPTY_PATH, kStampMask, &file) == 0) {
        Describe(file, seen);
    } else {
        Fail(errno, seen);
    }
    return seen;
}

SeenFile StoreFiles::LookAtFile(const Descriptor& directory, const char* name) const {
    SeenFile seen;
    struct statx file;
    constexpr int kFlags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
    if (statx(directory.Get(), name, kFlags, STATX_TYPE | STATX_SIZE | STATX_CTIME, &file) != 0) {
        seen.error = errno;
        seen.sight = SightOf(errno);
        return seen;
    }
    seen.type = IFTODT(file.stx_mode);
    if (!S_ISREG(file.stx_mode)) return seen;
    seen.sight = Sight::kThere;
    seen.bytes = file.stx_size;
    seen.changed = TimeOf(file.stx_ctime);
    return seen;
}

bool StoreFiles::LeadsToDirectory(const Descriptor& directory, const char* link) const {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_NO_XDEV;
    const Descriptor target(
        static_cast<int>(syscall(SYS_openat2, directory.Get(), link, &how, sizeof how)));
    if (target) return true;
    return errno != ENOENT && errno != ENOTDIR && errno != ELOOP;
}

int StoreFiles::OpenFollowingNothing(const char* path, int flags) const {
    const int hidden = may_hide_access_.load(std::memory_order_relaxed) ? O_NOATIME : 0;
    int fd = -1;
    if (has_openat2_.load(std::memory_order_relaxed)) {
        open_how how{};
        how.flags = static_cast<std::uint64_t>(flags | hidden);
        how.resolve = RESOLVE_NO_SYMLINKS;
        fd = static_cast<int>(syscall(SYS_openat2, root_.Get(), path, &how, sizeof how));
        // Kernels before 5.6, and system call filters that do not know the call yet.
        if (fd < 0 && errno == ENOSYS) has_openat2_ = false;
    }
    if (!has_openat2_.load(std::memory_order_relaxed)) {
        Descriptor directory;
        std::string steps = path;
        char* rest = nullptr;
        int from = root_.Get();
        for (char* step = strtok_r(steps.data(), "/", &rest); step != nullptr;) {
            char* const next = strtok_r(nullptr, "/", &rest);
            fd = openat(from, step, next != nullptr ? kDirectoryFlags : flags | hidden);
            if (fd < 0 || next == nullptr) break;
            directory = Descriptor(fd);
            from = directory.Get();
            step = next;
        }
    }
    if (fd < 0 && errno == EPERM && hidden != 0) {
        may_hide_access_ = false;
        return OpenFollowingNothing(path, flags);
    }
    return fd;
}

}  // namespace policyd::scanner
