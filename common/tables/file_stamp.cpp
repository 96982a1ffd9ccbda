#include "common/tables/file_stamp.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <ctime>

namespace policyd::tables {

namespace {

/// Longer than any file system's clock takes for a tick.
constexpr std::chrono::seconds kSettled{2};

std::int64_t Nanoseconds(const timespec& time) {
    return std::chrono::nanoseconds(std::chrono::seconds(time.tv_sec)).count() + time.tv_nsec;
}

std::int64_t Nanoseconds(text::WallTime time) {
    return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

/// Looks at an open file, so that a network file system asks its server. Opens nothing but files:
/// opening a pipe is something that its other end sees.
bool Look(const std::string& path, struct stat& status) {
    if (stat(path.c_str(), &status) != 0) return false;
    if (!S_ISREG(status.st_mode)) return true;
    const int file = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (file < 0) return false;
    const bool is_seen = fstat(file, &status) == 0;
    close(file);
    return is_seen;
}

}  // namespace

FileStamp::FileStamp(const std::string& path, Of what, text::WallTime now) : of_(what) {
    struct stat status {};
    exists_ = of_ == Of::kPlace ? stat(path.c_str(), &status) == 0 : Look(path, status);
    if (!exists_) return;
    device_ = status.st_dev;
    inode_ = status.st_ino;
    tells_ = S_ISREG(status.st_mode);
    if (of_ == Of::kPlace) return;
    size_ = status.st_size;
    modified_ = Nanoseconds(status.st_mtim);
    changed_ = Nanoseconds(status.st_ctim);
    tells_ = tells_ && changed_ < Nanoseconds(now - kSettled);
}

bool FileStamp::IsStillThatOf(const std::string& path) const {
    if (!tells_) return false;
    const FileStamp now(path, of_);
    return now.exists_ && now.device_ == device_ && now.inode_ == inode_ && now.size_ == size_ &&
           now.modified_ == modified_ && now.changed_ == changed_;
}

}  // namespace policyd::tables
