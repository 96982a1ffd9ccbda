#pragma once

#include <bit>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace policyd::usage {

/// Numbers as the Redis scripts take and give them: doubles, one after the other, as struct.pack
/// writes them with '<d'. Whole numbers up to 2^53 are exact; larger ones are packed as 2^53.
class PackedNumbers {
public:
    PackedNumbers& operator<<(std::unsigned_integral auto number) {
        constexpr std::uint64_t kMost = std::uint64_t{1} << 53;
        return Append(static_cast<double>(number < kMost ? std::uint64_t{number} : kMost));
    }
    PackedNumbers& operator<<(double number) { return Append(number); }
    PackedNumbers& operator<<(std::chrono::milliseconds time) {
        return Append(static_cast<double>(time.count()));
    }

    const std::string& Bytes() const { return bytes_; }

private:
    PackedNumbers& Append(double number) {
        bytes_.reserve(kUsually);
        static_assert(std::endian::native == std::endian::little);
        bytes_.append(reinterpret_cast<const char*>(&number), sizeof number);
        return *this;
    }

    static constexpr std::size_t kUsually = 16 * sizeof(double);

    std::string bytes_;
};

/// Takes such numbers apart, in their order. What is missing at the end is read as zero.
class UnpackedNumbers {
public:
    explicit UnpackedNumbers(std::string_view bytes) : bytes_(bytes) {}

    double Next() {
        double number = 0;
        if (bytes_.size() < sizeof number) return 0;
        std::memcpy(&number, bytes_.data(), sizeof number);
        bytes_.remove_prefix(sizeof number);
        return number;
    }

    /// For what is never negative.
    std::uint64_t NextCount() {
        const double number = Next();
        return number > 0 ? static_cast<std::uint64_t>(number) : 0;
    }

    /// Negative for none.
    std::chrono::milliseconds NextTime() {
        return std::chrono::milliseconds(static_cast<std::int64_t>(Next()));
    }

private:
    std::string_view bytes_;
};

}  // namespace policyd::usage
