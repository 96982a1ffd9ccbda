#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace policyd::tables {

/// Keys and their values, packed into two blocks of memory: a million of them are read in, kept and
/// given up as cheaply as one big file. Filled, and then only read.
class PackedRows {
public:
    PackedRows() = default;
    /// Room for that many rows, and no more; keys and values may take more than `bytes`.
    PackedRows(std::size_t most_rows, std::size_t bytes);

    /// False where there is one with that key already, which stays.
    bool Add(std::string_view key, std::string_view value);

    /// Good for as long as the rows are.
    std::optional<std::string_view> Find(std::string_view key) const;

    std::size_t Size() const noexcept { return size_; }

    template <typename Visit>
    void ForEachValue(const Visit& visit) const {
        for (const Slot& slot : slots_)
            if (slot.key != 0) visit(ValueOf(slot));
    }
    template <typename Visit>
    void ForEachKey(const Visit& visit) const {
        for (const Slot& slot : slots_)
            if (slot.key != 0) visit(KeyOf(slot));
    }

private:
    using Length = std::uint32_t;
    struct Slot {
        std::uint64_t key = 0;  ///< its place in bytes_; 0: there is none
        Length key_length = 0;
        std::uint32_t hash = 0;
    };

    std::size_t PlaceOf(std::string_view key, std::uint32_t hash) const;
    std::string_view KeyOf(const Slot& slot) const;
    std::string_view ValueOf(const Slot& slot) const;

    std::vector<char> bytes_;  // of each row: how long the value is, the key, the value
    std::vector<Slot> slots_;  // a power of two of them, at least one empty
    std::size_t size_ = 0;
};

}  // namespace policyd::tables
