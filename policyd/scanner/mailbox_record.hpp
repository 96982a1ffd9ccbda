#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policyd/scanner/store_files.hpp"

namespace policyd::scanner {

/// Usage sums stop here, as those of the usage store do.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 53;

constexpr std::uint64_t AddBytes(std::uint64_t a, std::uint64_t b) {
    return a > kMostBytes || b > kMostBytes - a ? kMostBytes : a + b;
}

/// What is remembered of one `new` or `cur`.
struct DirectoryRecord {
    std::uint64_t inode = 0;  ///< 0: there was no such directory
    FileTime mtime = 0;
    FileTime ctime = 0;
    std::uint64_t bytes = 0;
    std::uint32_t messages = 0;
    /// It may have changed without a trace since: to be read again whatever its stamp says.
    bool racy = false;
    /// It could not be read: the figures are those of the last time that it could.
    bool unreadable = false;
    /// It never could: there are no figures.
    bool is_unknown = false;

    bool Matches(const DirectoryStamp& stamp) const {
        return inode == stamp.inode && mtime == stamp.mtime && ctime == stamp.ctime;
    }
    void Take(const DirectoryStamp& stamp) {
        inode = stamp.inode;
        mtime = stamp.mtime;
        ctime = stamp.ctime;
    }
    bool HasStampOf(const DirectoryRecord& other) const {
        return inode == other.inode && mtime == other.mtime && ctime == other.ctime;
    }
    /// The same directory, unchanged and with the same figures.
    bool HoldsWhat(const DirectoryRecord& other) const {
        return HasStampOf(other) && bytes == other.bytes && messages == other.messages &&
               is_unknown == other.is_unknown;
    }
};

/// The two directories of a mailbox's inbox or of one of its folders.
struct FolderRecord {
    std::uint32_t name = 0;  ///< where its name begins in MailboxRecord::names
    DirectoryRecord fresh;   ///< `new`
    DirectoryRecord seen;    ///< `cur`
};

/// What one mailbox came to when it was last measured, and what tells whether that still holds.
/// Never changed once made, so that threads may share it. 40 bytes for a directory, 8 and the name
/// for a folder: a million folders are meant to fit in memory.
struct MailboxRecord {
    DirectoryStamp stamp;  ///< of the directory that holds the folders; their device as well
    bool racy = false;     ///< the list of folders may have changed without a trace
    bool unreadable = false;
    /// Maildirs lie in it that are no folders by Maildir++, and are not counted.
    bool has_strays = false;
    std::string names;  ///< of all folders, each ended by a NUL; the inbox's is empty
    /// The inbox, then the folders in order of their names. Of one that does not count
    /// (CountingRules::Ignores()) there are the stamps alone.
    std::vector<FolderRecord> folders;

    std::string_view NameOf(const FolderRecord& folder) const {
        return names.c_str() + folder.name;
    }
    /// Nothing if there is no folder of that name.
    const FolderRecord* Find(std::string_view name) const;

    std::uint64_t Bytes() const;
    std::uint64_t Messages() const;
    /// Whether anything in it is to be looked at again whatever its stamps say.
    bool IsRacy() const;
    /// Whether mail may be in it that was not counted this time.
    bool IsPartial() const;
    /// Whether there may be more in it than the figures say.
    bool HasUnknownParts() const;
};

using RecordPointer = std::shared_ptr<const MailboxRecord>;

}  // namespace policyd::scanner
