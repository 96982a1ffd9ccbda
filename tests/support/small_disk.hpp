#pragma once

#include <filesystem>

#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

/// A disk of a few kilobytes below a scratch directory, which a test may fill up or make read-only.
/// Needs root and the right to mount; IsThere() tells whether it was there to be had.
class SmallDisk {
public:
    enum class Kind {
        kMemory,         ///< tmpfs
        kSmallerBlocks,  ///< ext4 whose blocks are smaller than pages of memory
    };

    explicit SmallDisk(int kilobytes, Kind kind = Kind::kMemory);
    ~SmallDisk();
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    bool IsThere() const { return is_mounted_; }
    std::filesystem::path Path() const { return scratch_.Path(); }
    std::filesystem::path operator/(std::string_view name) const { return scratch_ / name; }

    /// Takes all the room that is left but so much, and gives it back.
    void Fill(int kilobytes_left = 0) const;
    void MakeRoom() const;
    void MakeReadOnly() const { Remount("ro"); }
    void MakeWritable() const { Remount("rw"); }

private:
    void Remount(const char* how) const;

    ScratchDirectory image_;
    ScratchDirectory scratch_;
    bool is_mounted_ = false;
};

}  // namespace policyd::test
