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
    explicit StateWriter(int fd) : fd_(fd) {}

    template <typename Number>
    requires std::is_arithmetic_v<Number>
    void Put(Number number) {
        char bytes[sizeof number];
        std::memcpy(bytes, &number, sizeof number);
        PutBytes({bytes, sizeof number});
    }
    void Put(std::string_view text) {
        Put(static_cast<std::uint32_t>(text.size()));
        PutBytes(text);
    }
    void Put(const DirectoryStamp& stamp);
    /// The checksum, and everything that is still in the buffer. Throws std::system_error, as all
    /// of these may.
    void Finish();

private:
    void PutBytes(std::string_view bytes);
    void Flush();

    int fd_;
    std::string buffer_;
    Checksum checksum_;
};

/// Takes apart what StateWriter wrote. Throws StateDamaged where it ends too early.
class StateReader {
public:
    /// `bytes` must outlive the reader.
    explicit StateReader(std::string_view bytes) : rest_(bytes) {}

    template <typename Number>
    Number Get() {
        Number number;
        std::memcpy(&number, Take(sizeof number).data(), sizeof number);
        return number;
    }
    std::string_view GetText() { return Take(Get<std::uint32_t>()); }
    DirectoryStamp GetStamp();
    bool AtEnd() const { return rest_.empty(); }

private:
    std::string_view Take(std::size_t size);

    std::string_view rest_;
};

}  // namespace policyd::scanner
