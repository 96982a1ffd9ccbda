#pragma once

#include <filesystem>

#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

/// A disk of a few kilobytes (a tmpfs) below a scratch directory, which a test may fill up or make
/// read-only. Needs root and the right to mount; IsThere() tells whether it was there to be had.
class SmallDisk {
public:
    explicit SmallDisk(int kilobytes);
    ~SmallDisk();
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    bool IsThere() const { return is_mounted_; }
    std::filesystem::path Path() const { return scratch_.Path(); }
    std::filesystem::path operator/(std::string_view name) const { return scratch_ / name; }

    /// Takes all the room that is left, and gives it back.
    void Fill() const;
    void MakeRoom() const;
    void MakeReadOnly() const { Remount("ro"); }
    void MakeWritable() const { Remount("rw"); }

private:
    void Remount(const char* how) const;

    ScratchDirectory scratch_;
    bool is_mounted_;
};

}  // namespace policyd::test
