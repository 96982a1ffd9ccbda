#include "tests/support/small_disk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "tests/support/process.hpp"

namespace policyd::test {

namespace {

constexpr const char* kBallast = "ballast";

}  // namespace

SmallDisk::SmallDisk(int kilobytes, Kind kind) {
    const std::string at = scratch_.Path().string();
    if (kind == Kind::kMemory) {
        const std::string size = "size=" + std::to_string(kilobytes) + "k";
        is_mounted_ = Run({"mount", "-t", "tmpfs", "-o", size, "tmpfs", at}).status == 0;
        return;
    }
    const std::string image = image_.Write("image", "");
    std::filesystem::resize_file(image, static_cast<std::uintmax_t>(kilobytes) * 1024);
    is_mounted_ = Run({"mkfs.ext4", "-q", "-b", "1024", image}).status == 0 &&
                  Run({"mount", "-o", "loop", image, at}).status == 0;
}

SmallDisk::~SmallDisk() {
    // Lazily: a program that is still running may have files open.
    if (is_mounted_) Run({"umount", "--lazy", scratch_.Path().string()});
}

void SmallDisk::Fill(int kilobytes_left) const {
    const int file =
        open((scratch_ / kBallast).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const std::string bytes(1024, 'x');
    off_t size = 0;
    // What a file system has not placed yet it may count for more than it is.
    for (off_t before = -1; size > before; syncfs(file)) {
        before = size;
        while (write(file, bytes.data(), bytes.size()) > 0) size += 1024;
    }
    if (kilobytes_left > 0 && ftruncate(file, size - off_t{kilobytes_left} * 1024) != 0)
        throw std::runtime_error("ftruncate");
    fsync(file);
    close(file);
}

void SmallDisk::MakeRoom() const {
    std::filesystem::remove(scratch_ / kBallast);
}

void SmallDisk::Remount(const char* how) const {
    const Finished done =
        Run({"mount", "-o", std::string("remount,") + how, "tmpfs", scratch_.Path().string()});
    if (done.status != 0) throw std::runtime_error("mount: " + done.errors);
}

}  // namespace policyd::test
