#pragma once

#include <cstdint>

namespace policyd::scanner {

/// What a measurement had to do, for reports.
struct ScanWork {
    std::uint64_t directories_looked_at = 0;
    std::uint64_t directories_read = 0;
    std::uint64_t messages_read = 0;  ///< entries counted while reading directories
    std::uint64_t files_asked = 0;    ///< of these, how many had to be asked for their size
    std::uint64_t skipped = 0;        ///< entries that are no messages

    ScanWork& operator+=(const ScanWork& other) {
        directories_looked_at += other.directories_looked_at;
        directories_read += other.directories_read;
        messages_read += other.messages_read;
        files_asked += other.files_asked;
        skipped += other.skipped;
        return *this;
    }
};

}  // namespace policyd::scanner
