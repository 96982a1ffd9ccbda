#include "common/tables/packed_rows.hpp"

#include <bit>
#include <cstring>
#include <functional>

#include "common/tables/big_pages.hpp"

namespace policyd::tables {

namespace {

std::uint32_t HashOf(std::string_view key) {
    return static_cast<std::uint32_t>(std::hash<std::string_view>()(key));
}

}  // namespace

PackedRows::PackedRows(std::size_t most_rows, std::size_t bytes) {
    ReserveInBigPages(bytes_, bytes + most_rows * sizeof(Length));
    ReserveInBigPages(slots_, std::bit_ceil(most_rows + most_rows / 3 + 1));
    slots_.resize(slots_.capacity());
}

bool PackedRows::Add(std::string_view key, std::string_view value) {
    const std::uint32_t hash = HashOf(key);
    Slot& slot = slots_[PlaceOf(key, hash)];
    if (slot.key != 0) return false;
    const auto length = static_cast<Length>(value.size());
    const char* const length_bytes = reinterpret_cast<const char*>(&length);
    bytes_.insert(bytes_.end(), length_bytes, length_bytes + sizeof length);
    slot = {bytes_.size(), static_cast<Length>(key.size()), hash};
    bytes_.insert(bytes_.end(), key.begin(), key.end());
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    ++size_;
    return true;
}

std::optional<std::string_view> PackedRows::Find(std::string_view key) const {
    if (size_ == 0) return std::nullopt;
    const Slot& slot = slots_[PlaceOf(key, HashOf(key))];
    if (slot.key == 0) return std::nullopt;
    return ValueOf(slot);
}

/// Where the row is, or where it would be.
std::size_t PackedRows::PlaceOf(std::string_view key, std::uint32_t hash) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t place = hash & mask;
    while (slots_[place].key != 0 && (slots_[place].hash != hash || KeyOf(slots_[place]) != key))
        place = (place + 1) & mask;
    return place;
}

std::string_view PackedRows::KeyOf(const Slot& slot) const {
    return {bytes_.data() + slot.key, slot.key_length};
}

std::string_view PackedRows::ValueOf(const Slot& slot) const {
    Length length = 0;
    std::memcpy(&length, bytes_.data() + slot.key - sizeof length, sizeof length);
    return {bytes_.data() + slot.key + slot.key_length, length};
}

}  // namespace policyd::tables
