#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "common/text/clock.hpp"

namespace policyd::tables {

/// What a file was like when it was about to be read: tells later whether reading it again would
/// give the same. Any thread.
class FileStamp {
public:
    /// What matters of the file.
    enum class Of {
        kContent,
        kPlace,  ///< which file it is: whoever uses it sees by himself what is written into it
    };

    /// Taken before the file is read, at `now`. A file that is missing has one, too.
    explicit FileStamp(const std::string& path, Of what = Of::kContent,
                       text::WallTime now = text::SystemWallTime());

    bool Exists() const noexcept { return exists_; }

    /// Whether the path leads to the same now. False also where that cannot be told: of what is no
    /// file, and of a file that had just been written, and may have been once more since in the
    /// same tick of the clock.
    bool IsStillThatOf(const std::string& path) const;

private:
    Of of_;
    bool exists_ = false;
    bool tells_ = false;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    // Of the content.
    off_t size_ = 0;
    std::int64_t modified_ = 0;  // in nanoseconds, as the next one
    std::int64_t changed_ = 0;
};

}  // namespace policyd::tables
