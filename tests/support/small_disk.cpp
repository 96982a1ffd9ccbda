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

SmallDisk::SmallDisk(int kilobytes)
    : is_mounted_(Run({"mount", "-t", "tmpfs", "-o", "size=" + std::to_string(kilobytes) + "k",
                       "tmpfs", scratch_.Path().string()})
                      .status == 0) {}

SmallDisk::~SmallDisk() {
    // Lazily: a program that is still running may have files open.
    if (is_mounted_) Run({"umount", "--lazy", scratch_.Path().string()});
}

void SmallDisk::Fill() const {
    const int file =
        open((scratch_ / kBallast).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const std::string bytes(4096, 'x');
    while (write(file, bytes.data(), bytes.size()) > 0) {
    }
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
