#include "policyd/scanner/entry_reader.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace policyd::scanner {

EntryReader::~EntryReader() {
    if (buffer_ != nullptr) munmap(buffer_, capacity_);
}

void EntryReader::Reserve(std::size_t bytes) {
    bytes = std::min(bytes, kLargest);
    if (capacity_ >= bytes) return;
    bytes = (bytes + kSmallest - 1) / kSmallest * kSmallest;
    // Pages that no directory fills are never touched, and so cost nothing.
    void* const memory =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    if (buffer_ != nullptr) munmap(buffer_, capacity_);
    buffer_ = static_cast<char*>(memory);
    capacity_ = bytes;
}

void EntryReader::Shrink() {
    enlarged_ = kSmallest;
    if (capacity_ <= 4 * kSmallest) return;
    munmap(buffer_, capacity_);
    buffer_ = nullptr;
    capacity_ = 0;
}

void EntryReader::Rewind(const Descriptor& directory) {
    lseek(directory.Get(), 0, SEEK_SET);
}

long EntryReader::Read(const Descriptor& directory) {
    for (;;) {
        const long bytes = syscall(SYS_getdents64, directory.Get(), buffer_, capacity_);
        if (bytes >= 0) return bytes;
        if (errno == ENOENT) return 0;  // the directory was removed while we had it open
        if (errno != EINTR) return -errno;
    }
}

}  // namespace policyd::scanner
