#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/text/clock.hpp"
#include "common/usage/packed_numbers.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::usage {

/// bytes, messages, reserved bytes, reserved messages: as all scripts return them.
inline Usage NextUsage(UnpackedNumbers& numbers) {
    Usage usage;
    usage.bytes = numbers.NextCount();
    usage.messages = numbers.NextCount();
    usage.reserved_bytes = numbers.NextCount();
    usage.reserved_messages = numbers.NextCount();
    return usage;
}

/// Of a time that is negative where there is none.
inline std::optional<text::WallTime> Measured(std::chrono::milliseconds time) {
    if (time < std::chrono::milliseconds(0)) return std::nullopt;
    return text::WallTime(time);
}

/// Of a number that is negative where there is none.
inline std::optional<std::uint64_t> Percentage(double number) {
    if (number < 0) return std::nullopt;
    return static_cast<std::uint64_t>(number);
}

/// A mailbox as the scripts keep it.
struct Record {
    Usage usage;
    std::chrono::milliseconds oldest_reservation{-1};
};

inline Record RecordIn(std::string_view bytes) {
    Record record;
    if (bytes.empty()) return record;
    UnpackedNumbers numbers(bytes);
    record.usage.bytes = numbers.NextCount();
    record.usage.messages = numbers.NextCount();
    record.usage.measured_at = Measured(numbers.NextTime());
    record.usage.reserved_bytes = numbers.NextCount();
    record.usage.reserved_messages = numbers.NextCount();
    record.oldest_reservation = numbers.NextTime();
    return record;
}

}  // namespace policyd::usage
