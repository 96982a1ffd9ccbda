#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace policyd::async {

/// Entries by their `key`, made for many of them that are asked for all over: finding one touches
/// two places in memory, one in a flat table and the entry itself. Owned by one thread.
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

    /// In the place of one with the same key. Does not count as a use.
    void Put(std::shared_ptr<Entry> entry) {
        if (2 * (size_ + 1) > slots_.size()) Grow();
        const std::uint32_t hash = HashOf(entry->key);
        Slot& slot = slots_[PlaceOf(entry->key, hash)];
        if (!slot.entry) ++size_;
        slot = {hash, false, std::move(entry)};
    }

    void Erase(std::string_view key) {
        if (slots_.empty()) return;
        const std::size_t place = PlaceOf(key, HashOf(key));
        if (slots_[place].entry) Empty(place);
    }

    /// Takes out one that was not used lately; there is at least one.
    void EraseOne() {
        for (;; hand_ = Next(hand_)) {
            Slot& slot = slots_[hand_];
            if (slot.entry && !std::exchange(slot.was_used, false)) break;
        }
        Empty(hand_);
    }

    void Clear() {
        slots_.clear();
        size_ = hand_ = 0;
    }

    std::size_t Size() const noexcept { return size_; }

private:
    struct Slot {
        std::uint32_t hash = 0;
        bool was_used = false;
        std::shared_ptr<Entry> entry;
    };

    static constexpr std::size_t kFewest = 16;

    Slot* Use(std::string_view key) {
        if (slots_.empty()) return nullptr;
        Slot& slot = slots_[PlaceOf(key, HashOf(key))];
        slot.was_used = slot.entry != nullptr;
        return &slot;
    }

    static std::uint32_t HashOf(std::string_view key) {
        return static_cast<std::uint32_t>(std::hash<std::string_view>()(key));
    }
    std::size_t Next(std::size_t place) const { return (place + 1) & (slots_.size() - 1); }
    std::size_t HomeOf(std::uint32_t hash) const { return hash & (slots_.size() - 1); }

    /// Where the entry is, or where it would be.
    std::size_t PlaceOf(std::string_view key, std::uint32_t hash) const {
        std::size_t place = HomeOf(hash);
        while (slots_[place].entry &&
               (slots_[place].hash != hash || slots_[place].entry->key != key))
            place = Next(place);
        return place;
    }

    /// Lets what follows close the gap, so that nobody stops searching there.
    void Empty(std::size_t gap) {
        slots_[gap].entry.reset();
        --size_;
        for (std::size_t place = Next(gap); slots_[place].entry; place = Next(place)) {
            const std::size_t home = HomeOf(slots_[place].hash);
            const std::size_t mask = slots_.size() - 1;
            if (((place - home) & mask) < ((place - gap) & mask)) continue;
            slots_[gap] = std::move(slots_[place]);
            slots_[place].entry.reset();
            gap = place;
        }
    }

    void Grow() {
        std::vector<Slot> slots(slots_.empty() ? kFewest : 2 * slots_.size());
        slots.swap(slots_);
        hand_ = 0;
        for (Slot& slot : slots) {
            if (!slot.entry) continue;
            std::size_t place = HomeOf(slot.hash);
            while (slots_[place].entry) place = Next(place);
            slots_[place] = std::move(slot);
        }
    }

    std::vector<Slot> slots_;  // none, or a power of two of them; at most half are full
    std::size_t size_ = 0;
    std::size_t hand_ = 0;  // of the clock
};

}  // namespace policyd::async
