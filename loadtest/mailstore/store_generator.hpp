#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace policyd::loadtest::mailstore {

/// No mailbox has more.
inline constexpr std::uint32_t kMostFolders = 60;

/// How large a generated mail store is and what is in it. The same shape is the same store.
struct StoreShape {
    std::uint64_t seed = 1;
    std::uint32_t domains = 200;
    std::uint32_t mailboxes = 5'000;
    std::uint32_t messages = 1'000'000;
    /// Folders per mailbox, the inbox among them, on average. Half of the mailboxes have less than
    /// this, few have ten times as many.
    double folders = 7.2;
    double named_sizes = 0.62;  ///< share of the messages whose names tell their sizes
    double compressed = 0.025;  ///< share of these that are smaller on disk than they say
};

/// What a mailbox comes to by the rules of docs/scanner.md.
struct TrueUsage {
    std::string mailbox;  ///< user@domain
    std::uint64_t bytes = 0;
    std::uint64_t messages = 0;
};

/// Makes the store below `root`, which must be empty or not there: <domain>/<user>/ Maildirs whose
/// messages are files without content, of the right size, made in an order that scatters them
/// over the disk as years of deliveries do. `progress` is told of messages made, now and then.
/// Throws std::system_error.
std::vector<TrueUsage> GenerateStore(const std::string& root, const StoreShape& shape,
                                     const std::function<void(std::uint64_t)>& progress);

/// Delivers one message into a share of all `new` and `cur` below `root`, picked by `seed`.
/// Returns the files.
std::vector<std::string> ChangeStore(const std::string& root, double share, std::uint64_t seed);

}  // namespace policyd::loadtest::mailstore
