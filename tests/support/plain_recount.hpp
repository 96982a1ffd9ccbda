#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace policyd::test {

struct RecountedMailbox {
    std::uint64_t bytes = 0;
    std::uint64_t messages = 0;

    bool operator==(const RecountedMailbox&) const = default;
};

/// Counts one mailbox by the rules of docs/scanner.md in the plainest way there is, with none of
/// the scanner's code. The mailbox must not change meanwhile.
RecountedMailbox RecountMailbox(const std::filesystem::path& mailbox);

/// All mailboxes of a store laid out as <domain>/<user>, by address.
std::map<std::string, RecountedMailbox> RecountStore(const std::filesystem::path& root);

}  // namespace policyd::test
