#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "policyd/scanner/counting_rules.hpp"
#include "policyd/scanner/entry_reader.hpp"
#include "policyd/scanner/scan_work.hpp"

namespace policyd::scanner {

/// What the messages in one directory come to.
struct MessageCount {
    std::uint64_t bytes = 0;
    std::uint32_t messages = 0;
    /// Not sure to be the directory as it is: it changed while it was read in parts, or a file
    /// whose name does not tell its size was still being written.
    bool racy = false;
    int error = 0;  ///< errno of what kept us from reading all of it
};

/// Counts the messages of one directory after the other. One for each thread; what it is made of
/// outlives it.
class MessageCounter {
public:
    /// Sizes of messages by the hash of the part of their names that stays. Nothing: it was there,
    /// and had moved when it was asked for its size.
    using SizesByName = std::unordered_map<std::size_t, std::optional<std::uint64_t>>;

    MessageCounter(const StoreFiles& files, const CountingRules& rules, FileClock clock)
        : files_(files), rules_(rules), clock_(clock) {}

    /// Counts the regular files that are messages. Reads again, three times at most, when the
    /// directory did not fit in one reading and changed meanwhile; a message that is renamed in
    /// the directory while it is read is counted once.
    MessageCount Count(const OpenedDirectory& directory, ScanWork& work);

    /// From now on Count() also puts each message that it sees into `seen`, once; null: no more.
    void CollectInto(SizesByName* seen) { collected_ = seen; }

private:
    EntryReader::Result ReadOnce(const OpenedDirectory& directory, MessageCount& count,
                                 ScanWork& work);
    void Visit(const OpenedDirectory& directory, const char* name, unsigned char type,
               MessageCount& count, ScanWork& work);
    bool AskFile(const OpenedDirectory& directory, const char* name, MessageCount& count,
                 std::uint64_t& bytes);
    void Add(std::string_view name, std::uint64_t bytes, MessageCount& count);
    void FindRenamed(const OpenedDirectory& directory, MessageCount& count, ScanWork& work);
    bool HasChanged(const OpenedDirectory& directory) const;

    const StoreFiles& files_;
    const CountingRules& rules_;
    FileClock clock_;
    FileTime now_ = 0;  // when this reading began
    EntryReader reader_;
    std::unordered_set<std::size_t> renamed_;  // seen, but gone when asked for their size
    SizesByName* collected_ = nullptr;
};

}  // namespace policyd::scanner
