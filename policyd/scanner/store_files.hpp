#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/files/descriptor.hpp"

namespace policyd::scanner {

/// Nanoseconds since 1970, as file systems stamp files.
using FileTime = std::int64_t;

/// Where the time comes from that stamps are compared with: CLOCK_REALTIME_COARSE, the clock from
/// which the kernel takes them. Tests pass one of their own.
using FileClock = FileTime (*)();
FileTime CoarseFileClock();

/// A directory's identity and its times of change. While it is equal to an earlier one of the same
/// path, no entry was added, removed or renamed in between, unless the change came within the
/// clock's step (IsTooYoung). Compared for equality alone: clocks step and backups come back.
struct DirectoryStamp {
    std::uint64_t inode = 0;  ///< 0: there is no such directory
    FileTime mtime = 0;
    FileTime ctime = 0;
    std::uint32_t device = 0;

    bool Exists() const { return inode != 0; }
    bool operator==(const DirectoryStamp&) const = default;
};

/// Whether a change could have left no trace in a stamp taken at `now`: the file system's clock may
/// stand still for up to a second, and is not believed when it shows the future.
bool IsTooYoung(FileTime changed, FileTime now);

/// Whether a change after `looked` could have left the stamp of a change at `changed` as it is: by
/// clocks that tick, or, where there is no fraction of a second, ones that show whole seconds.
bool MayHideChange(FileTime changed, FileTime looked);

using files::Descriptor;

/// Which directory a path leads to, and through which mount: what lies there may be mounted over,
/// unmounted, moved away or replaced. All 0 where there is no directory.
struct DirectoryIdentity {
    std::uint64_t inode = 0;
    std::uint64_t mount = 0;  ///< 0 also where the kernel does not tell (before Linux 5.8)
    std::uint32_t device = 0;

    bool IsThere() const { return inode != 0; }
    bool operator==(const DirectoryIdentity&) const = default;
};

/// Symbolic links are followed. May wait for the file system.
DirectoryIdentity IdentityOf(const std::string& path);
DirectoryIdentity IdentityOf(const Descriptor& directory);

/// What became of looking at one place.
enum class Sight {
    kThere,
    kAbsent,      ///< not there, or no directory (or no regular file): nothing to count
    kUnreadable,  ///< there or not, we cannot tell: no permission, an I/O error, a stale handle
};

struct SeenDirectory {
    Sight sight = Sight::kAbsent;
    DirectoryStamp stamp;
    std::uint64_t size = 0;  ///< st_size: a hint for how many bytes its entries take
    int error = 0;           ///< errno of the call that failed
};

struct OpenedDirectory : SeenDirectory {
    Descriptor directory;
    bool is_on_ext4 = false;
};

struct SeenFile {
    Sight sight = Sight::kAbsent;
    std::uint64_t bytes = 0;
    FileTime changed = 0;
    unsigned char type = 0;  ///< as readdir(3) tells it: DT_DIR, DT_LNK, ...
    int error = 0;
};

/// The mail store below one root directory. Paths are relative to it, and no step of them is ever
/// a symbolic link that is followed, but to tell where one leads; messages are never opened.
/// Reading leaves no access time where the kernel allows that (O_NOATIME). Used by any number of
/// threads at once.
class StoreFiles {
public:
    /// Opens the root, which alone may be reached through symbolic links. Throws std::system_error.
    explicit StoreFiles(const std::string& root);

    /// One statx. "." is the root itself.
    SeenDirectory Look(const char* path) const;
    /// Opens a directory for reading and stamps it through the descriptor.
    OpenedDirectory Open(const char* path) const;
    /// Whether there is nothing for sure: neither a directory, a file or a link at the path, nor a
    /// file or a link in the place of a directory above.
    bool HasNothingAt(const char* path) const;
    /// The same directory again, wherever it is by now.
    SeenDirectory LookAtOpen(const Descriptor& directory) const;
    /// A file in an open directory; symbolic links are absent.
    SeenFile LookAtFile(const Descriptor& directory, const char* name) const;
    /// Whether a symbolic link in an open directory leads to a directory, or to where we do not
    /// look: into another mount, which may hang, or past what we may not read.
    bool LeadsToDirectory(const Descriptor& directory, const char* link) const;

private:
    int OpenFollowingNothing(const char* path, int flags) const;

    Descriptor root_;
    std::optional<std::uint32_t> ext4_device_;  // the root's, if it is on ext4
    mutable std::atomic<bool> may_hide_access_{true};
    mutable std::atomic<bool> has_openat2_{true};
};

}  // namespace policyd::scanner
