#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "common/async/fetch_ahead.hpp"

namespace policyd::async {

/// Entries by their `key`, made for many of them that are asked for all over: finding one touches
/// two places in memory, one in a flat table and the entry itself. Owned by one thread.
///
/// The table is in many parts, each of which grows by itself: no change takes long, however many
/// entries there are.
///
/// Knows which entries were not used since it last went around: the one that goes is one of those
/// (the CLOCK algorithm), which costs nothing when an entry is used.
template <typename Entry>
class KeyedTable {
public:
    /// Null if there is none. Counts as a use.
    std::shared_ptr<Entry> Find(std::string_view key) {
        const Slot* const slot = Use(key);
        return slot != nullptr ? slot->entry : nullptr;
    }

    /// The same without a share in the entry, which may be gone at the next change.
    const Entry* Peek(std::string_view key) {
        const Slot* const slot = Use(key);
        return slot != nullptr ? slot->entry.get() : nullptr;
    }

    /// For who does something else before it looks for `key`: does not wait for what it fetches,
    /// and changes nothing.
    void Fetch(std::string_view key, Ahead what) const noexcept {
        if (parts_.empty()) return;
        const std::uint32_t hash = HashOf(key);
        const Part& part = parts_[PartOf(hash)];
        if (part.slots.empty()) return;
        std::size_t place = part.HomeOf(hash);
        if (what == Ahead::kPlace) return FetchAhead(&part.slots[place]);
        while (part.slots[place].entry && part.slots[place].hash != hash) place = part.Next(place);
        FetchAhead(part.slots[place].entry.get());
    }

    /// In the place of one with the same key. Does not count as a use.
    void Put(std::shared_ptr<Entry> entry) {
        if (parts_.empty()) parts_.resize(kParts);
        const std::uint32_t hash = HashOf(entry->key);
        Part& part = parts_[PartOf(hash)];
        if (2 * (part.size + 1) > part.slots.size()) Grow(part);
        Slot& slot = part.slots[part.PlaceOf(entry->key, hash)];
        if (!slot.entry) {
            ++part.size;
            ++size_;
        }
        slot = {hash, false, std::move(entry)};
    }

    void Erase(std::string_view key) {
        if (parts_.empty()) return;
        const std::uint32_t hash = HashOf(key);
        Part& part = parts_[PartOf(hash)];
        if (part.slots.empty()) return;
        const std::size_t place = part.PlaceOf(key, hash);
        if (part.slots[place].entry) Empty(part, place);
    }

    /// Takes out one that was not used lately; there is at least one.
    void EraseOne() {
        for (;; part_ = (part_ + 1) % kParts, hand_ = 0) {
            Part& part = parts_[part_];
            for (; hand_ < part.slots.size(); ++hand_) {
                Slot& slot = part.slots[hand_];
                if (slot.entry && !std::exchange(slot.was_used, false)) return Empty(part, hand_);
            }
        }
    }

    std::size_t Size() const noexcept { return size_; }

private:
    struct Slot {
        std::uint32_t hash = 0;
        bool was_used = false;
        std::shared_ptr<Entry> entry;
    };

    struct Part {
        std::vector<Slot> slots;  // none, or a power of two of them; at most half are full
        std::size_t size = 0;

        std::size_t Next(std::size_t place) const { return (place + 1) & (slots.size() - 1); }
        std::size_t HomeOf(std::uint32_t hash) const { return hash & (slots.size() - 1); }

        /// Where the entry is, or where it would be.
        std::size_t PlaceOf(std::string_view key, std::uint32_t hash) const {
            std::size_t place = HomeOf(hash);
            while (slots[place].entry &&
                   (slots[place].hash != hash || key != slots[place].entry->key))
                place = Next(place);
            return place;
        }
    };

    static constexpr std::size_t kParts = 256;
    static constexpr std::size_t kFewest = 4;

    Slot* Use(std::string_view key) {
        if (parts_.empty()) return nullptr;
        const std::uint32_t hash = HashOf(key);
        Part& part = parts_[PartOf(hash)];
        if (part.slots.empty()) return nullptr;
        Slot& slot = part.slots[part.PlaceOf(key, hash)];
        slot.was_used = slot.entry != nullptr;
        return &slot;
    }

    static std::uint32_t HashOf(std::string_view key) {
        return static_cast<std::uint32_t>(std::hash<std::string_view>()(key));
    }
    /// By other bits of the hash than the place in the part.
    static std::size_t PartOf(std::uint32_t hash) { return hash / (std::uint32_t{1} << 24); }

    /// Lets what follows close the gap, so that nobody stops searching there.
    void Empty(Part& part, std::size_t gap) {
        part.slots[gap].entry.reset();
        --part.size;
        --size_;
        for (std::size_t place = part.Next(gap); part.slots[place].entry;
             place = part.Next(place)) {
            const std::size_t home = part.HomeOf(part.slots[place].hash);
            const std::size_t mask = part.slots.size() - 1;
            if (((place - home) & mask) < ((place - gap) & mask)) continue;
            part.slots[gap] = std::move(part.slots[place]);
            part.slots[place].entry.reset();
            gap = place;
        }
    }

    static void Grow(Part& part) {
        std::vector<Slot> slots(part.slots.empty() ? kFewest : 2 * part.slots.size());
        slots.swap(part.slots);
        for (Slot& slot : slots) {
            if (!slot.entry) continue;
            std::size_t place = part.HomeOf(slot.hash);
            while (part.slots[place].entry) place = part.Next(place);
            part.slots[place] = std::move(slot);
        }
    }

    std::vector<Part> parts_;  // none, or kParts of them
    std::size_t size_ = 0;
    std::size_t part_ = 0;  // where the hand of the clock is
    std::size_t hand_ = 0;
};

}  // namespace policyd::async
