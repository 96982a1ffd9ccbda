#pragma once

#include <dirent.h>

#include <cstddef>
#include <cstdint>
#include <limits>

#include "policyd/scanner/store_files.hpp"

namespace policyd::scanner {

/// How often a directory is read whose entries change meanwhile, before what was found has to do.
inline constexpr int kMostReadings = 3;

/// Reads the entries of directories into one large buffer, which it keeps. One for each thread.
///
/// One getdents64 call runs under the directory's lock, so a directory that fits in the buffer is
/// seen as it was at one moment, whatever is renamed in it meanwhile. Where there is no memory for
/// more room, std::bad_alloc.
class EntryReader {
public:
    EntryReader() = default;
    ~EntryReader();
    EntryReader(const EntryReader&) = delete;
    EntryReader& operator=(const EntryReader&) = delete;

    struct Result {
        int error = 0;        ///< errno of the read that failed, if one did
        bool at_once = true;  ///< one call returned everything: a snapshot
        std::uint64_t entries = 0;
    };

    /// Calls visit(const char* name, unsigned char type) for every entry but "." and "..", `type`
    /// being a DT_… value. Reads on from where it stands: to read a directory again, rewind it.
    template <typename Visit>
    Result ForEach(const OpenedDirectory& directory, Visit visit);

    static void Rewind(const Descriptor& directory);

    /// Asks for twice the room at the next reading of a directory that did not fit.
    void Enlarge() { enlarged_ = enlarged_ < kLargest ? enlarged_ * 2 : kLargest; }
    /// Gives back what a large directory needed.
    void Shrink();

private:
    static constexpr std::size_t kSmallest = 64 << 10;
    static constexpr std::size_t kLargest = 64 << 20;
    /// Where ext4 says that the next entry is when there is none (EXT4_HTREE_EOF_64BIT): only there
    /// does it go without saying, in a further reading, that the end is reached. That one returned
    /// less than there was room for does not tell: a signal ends it anywhere, without an error.
    static constexpr std::int64_t kEndOnExt4 = std::numeric_limits<std::int64_t>::max();

    void Reserve(std::size_t bytes);
    long Read(const Descriptor& directory);
    static bool IsDotOrDotDot(const char* name) {
        return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
    }

    char* buffer_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t enlarged_ = kSmallest;
};

template <typename Visit>
EntryReader::Result EntryReader::ForEach(const OpenedDirectory& directory, Visit visit) {
    const std::size_t wanted = static_cast<std::size_t>(directory.size) * 2 + kSmallest;
    Reserve(wanted < enlarged_ ? enlarged_ : wanted);
    Result result;
    int filled = 0;
    for (;;) {
        const long bytes = Read(directory.directory);
        if (bytes < 0) result.error = static_cast<int>(-bytes);
        if (bytes <= 0) break;
        result.at_once = ++filled == 1;
        std::int64_t next = 0;
        for (long at = 0; at < bytes;) {
            const auto* entry = reinterpret_cast<const dirent64*>(buffer_ + at);
            at += entry->d_reclen;
            next = entry->d_off;
            if (IsDotOrDotDot(entry->d_name)) continue;
            ++result.entries;
            visit(static_cast<const char*>(entry->d_name), entry->d_type);
        }
        if (next == kEndOnExt4 && directory.is_on_ext4) break;
    }
    return result;
}

}  // namespace policyd::scanner
