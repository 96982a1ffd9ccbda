#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace policyd::scanner {

/// What counts, where sites differ. The rest is fixed (docs/scanner.md).
struct CountingRules {
    /// Take the size from ",S=" where a name has it; otherwise ask the file always.
    bool believe_names = true;
    /// Leave out messages with the flag T.
    bool skip_deleted = false;
    /// Folders that are left out, by their names without the leading dot; `*` and `?` as in
    /// file names, so that "Trash.*" is everything below Trash.
    std::vector<std::string> ignored_folders;

    /// `name` begins with its dot, or is empty for the inbox, which counts.
    bool Ignores(std::string_view name) const;
    /// Differs between rules that may count differently; figures are kept only under equal ones.
    std::string Fingerprint() const;
};

}  // namespace policyd::scanner
