#include "policyd/scanner/state_bytes.hpp"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "policyd/scanner/state_file.hpp"

namespace policyd::scanner {

namespace {

constexpr std::size_t kBuffer = 64 << 10;
constexpr std::uint64_t kPrime = 0x100000001b3;

}  // namespace

void Checksum::Add(std::string_view bytes) {
    length_ += bytes.size();
    if (!rest_.empty()) {
        const std::size_t missing = std::min(8 - rest_.size(), bytes.size());
        rest_.append(bytes.substr(0, missing));
        bytes.remove_prefix(missing);
        if (rest_.size() < 8) return;
    }
    const auto mix = [this](const char* word) {
        std::uint64_t value;
        std::memcpy(&value, word, sizeof value);
        hash_ = (hash_ ^ value) * kPrime;
        hash_ ^= hash_ >> 32;
    };
    if (rest_.size() == 8) mix(rest_.data());
    rest_.clear();
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) mix(bytes.data());
    rest_ = bytes;
}

std::uint64_t Checksum::Value() const {
    std::uint64_t hash = hash_;
    for (const char c : rest_) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
    return (hash ^ length_) * kPrime;
}

void StateWriter::Put(const DirectoryStamp& stamp) {
    Put(stamp.inode);
    Put(stamp.mtime);
    Put(stamp.ctime);
    Put(stamp.device);
}

void StateWriter::Finish() {
    Flush();
    const std::uint64_t sum = checksum_.Value();
    buffer_.assign(reinterpret_cast<const char*>(&sum), sizeof sum);
    Flush();
}

void StateWriter::PutBytes(std::string_view bytes) {
    buffer_.append(bytes);
    if (buffer_.size() >= kBuffer) Flush();
}

void StateWriter::Flush() {
    checksum_.Add(buffer_);
    for (std::string_view left = buffer_; !left.empty();) {
        const ssize_t written = write(fd_, left.data(), left.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw std::system_error(errno, std::generic_category(), "write");
        left.remove_prefix(static_cast<std::size_t>(written));
    }
    buffer_.clear();
}

DirectoryStamp StateReader::GetStamp() {
    DirectoryStamp stamp;
    stamp.inode = Get<std::uint64_t>();
    stamp.mtime = Get<FileTime>();
    stamp.ctime = Get<FileTime>();
    stamp.device = Get<std::uint32_t>();
    return stamp;
}

std::string_view StateReader::Take(std::size_t size) {
    if (size > rest_.size()) throw StateDamaged("it ends too early");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
}

}  // namespace policyd::scanner
