#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "policyd/scanner/store_files.hpp"

namespace policyd::scanner {

/// FNV-1a over 8-byte words: tells a torn or flipped file from a whole one.
class Checksum {
public:
    void Add(std::string_view bytes);
    std::uint64_t Value() const;

private:
    std::uint64_t hash_ = 0xcbf29ce484222325;
    std::uint64_t length_ = 0;
    std::string rest_;
};

/// Writes numbers and texts to a file through a buffer, summing them up. Numbers are as this
/// machine has them: a state file does not travel.
class StateWriter {
public:
    explicit StateWriter(int fd);

    template <typename Number>
    requires std::is_arithmetic_v<Number>
    void Put(Number number) {
        if (buffer_.size() - filled_ < sizeof number) Flush();
        std::memcpy(buffer_.data() + filled_, &number, sizeof number);
        filled_ += sizeof number;
    }
    void Put(std::string_view text);
    void Put(const DirectoryStamp& stamp);
    /// The checksum, which is returned, and everything that is still in the buffer. Throws
    /// std::system_error, as all of these may.
    std::uint64_t Finish();

private:
    void Flush();

    int fd_;
    std::string buffer_;
    std::size_t filled_ = 0;
    Checksum checksum_;
};

/// Takes apart what StateWriter wrote, reading it through a buffer. What it gives out is to be
/// believed only once Finish() has found the checksum right. Throws StateDamaged where the file
/// ends too early, and std::system_error where it cannot be read.
class StateReader {
public:
    /// `size` is the file's. `fd` outlives the reader.
    StateReader(int fd, std::uint64_t size);

    template <typename Number>
    Number Get() {
        Number number;
        std::memcpy(&number, Take(sizeof number), sizeof number);
        return number;
    }
    std::string GetText();
    DirectoryStamp GetStamp();
    /// How many things there are, each of `smallest` bytes at least: no more than can follow.
    std::uint32_t GetCount(std::size_t smallest);
    /// The checksum.
    std::uint64_t Finish();

private:
    /// Valid until the next call.
    const char* Take(std::size_t size) {
        if (size > filled_ - at_) Fill(size);
        const char* const taken = buffer_.data() + at_;
        at_ += size;
        return taken;
    }
    void Fill(std::size_t size);
    void ReadExactly(char* to, std::size_t size);

    int fd_;
    std::uint64_t left_;  // of the content that was not read yet
    std::string buffer_;
    std::size_t at_ = 0;
    std::size_t filled_ = 0;
    Checksum checksum_;
};

}  // namespace policyd::scanner
