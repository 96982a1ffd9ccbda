#include "policyd/scanner/state_bytes.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "policyd/scanner/state_file.hpp"

namespace policyd::scanner {

namespace {

constexpr std::size_t kBuffer = 64 << 10;
constexpr std::uint64_t kPrime = 0x100000001b3;
constexpr const char* kEndsTooEarly = "it ends too early";

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

StateWriter::StateWriter(int fd) : fd_(fd), buffer_(kBuffer, '\0') {}

void StateWriter::Put(std::string_view text) {
    Put(static_cast<std::uint32_t>(text.size()));
    while (!text.empty()) {
        if (filled_ == buffer_.size()) Flush();
        const std::size_t fits = std::min(text.size(), buffer_.size() - filled_);
        text.copy(buffer_.data() + filled_, fits);
        filled_ += fits;
        text.remove_prefix(fits);
    }
}

void StateWriter::Put(const DirectoryStamp& stamp) {
    Put(stamp.inode);
    Put(stamp.mtime);
    Put(stamp.ctime);
    Put(stamp.device);
}

std::uint64_t StateWriter::Finish() {
    Flush();
    const std::uint64_t sum = checksum_.Value();
    Put(sum);
    Flush();
    return sum;
}

void StateWriter::Flush() {
    const std::string_view content = std::string_view(buffer_).substr(0, filled_);
    checksum_.Add(content);
    for (std::string_view left = content; !left.empty();) {
        const ssize_t written = write(fd_, left.data(), left.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw std::system_error(errno, std::generic_category(), "write");
        left.remove_prefix(static_cast<std::size_t>(written));
    }
    filled_ = 0;
}

StateReader::StateReader(int fd, std::uint64_t size) : fd_(fd), left_(size) {
    if (size < sizeof checksum_.Value()) throw StateDamaged(kEndsTooEarly);
    left_ -= sizeof checksum_.Value();
}

std::string StateReader::GetText() {
    const auto size = Get<std::uint32_t>();
    return std::string(Take(size), size);
}

DirectoryStamp StateReader::GetStamp() {
    DirectoryStamp stamp;
    stamp.inode = Get<std::uint64_t>();
    stamp.mtime = Get<FileTime>();
    stamp.ctime = Get<FileTime>();
    stamp.device = Get<std::uint32_t>();
    return stamp;
}

std::uint32_t StateReader::GetCount(std::size_t smallest) {
    const auto count = Get<std::uint32_t>();
    if (count > (left_ + filled_ - at_) / smallest) throw StateDamaged(kEndsTooEarly);
    return count;
}

std::uint64_t StateReader::Finish() {
    if (left_ + filled_ - at_ > 0) throw StateDamaged("it goes on after its end");
    std::uint64_t sum = 0;
    ReadExactly(reinterpret_cast<char*>(&sum), sizeof sum);
    if (sum != checksum_.Value()) throw StateDamaged("its checksum is wrong");
    return sum;
}

/// Makes `size` bytes available in a row: most often by reading as many as the buffer holds.
void StateReader::Fill(std::size_t size) {
    const std::size_t kept = filled_ - at_;
    if (size - kept > left_) throw StateDamaged(kEndsTooEarly);
    std::memmove(buffer_.data(), buffer_.data() + at_, kept);
    if (buffer_.size() < std::max(size, kBuffer)) buffer_.resize(std::max(size, kBuffer));
    const std::size_t more = std::min<std::uint64_t>(buffer_.size() - kept, left_);
    ReadExactly(buffer_.data() + kept, more);
    checksum_.Add({buffer_.data() + kept, more});
    left_ -= more;
    at_ = 0;
    filled_ = kept + more;
}

void StateReader::ReadExactly(char* to, std::size_t size) {
    while (size > 0) {
        const ssize_t got = read(fd_, to, size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw std::system_error(errno, std::generic_category(), "read");
        if (got == 0) throw StateDamaged(kEndsTooEarly);
        to += got;
        size -= static_cast<std::size_t>(got);
    }
}

}  // namespace policyd::scanner
