#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "policyd/scanner/scan_state.hpp"

namespace policyd::scanner {

/// A state file that is there but is not to be believed; what() says why.
class StateDamaged : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Keeps the scan state in a file. A file is replaced as a whole, by a new one that is on disk
/// before it takes the name, so that a crash at any moment leaves the old or the new one. Its
/// header names the format, and what the figures depend on; a checksum ends it. Beside it, in
/// `PATH.new-mailboxes`, are names of mailboxes that have appeared since.
class StateFile {
public:
    /// `depends_on` is what must be equal for a state to be used: the root, the layout and the
    /// counting rules.
    StateFile(std::string path, std::string depends_on);

    /// Nothing if there is no file yet. Throws StateDamaged for a file that cannot be used, and
    /// std::system_error for one that cannot be read.
    std::optional<ScanState> Load();
    /// Throws std::system_error; the old file is then left as it was.
    void Save(const ScanState& state);
    /// Has the next Load() find these mailboxes as well, of which nothing else is known, at the
    /// cost of those that were added since the last Save(). False where nothing was saved or
    /// loaded. Throws std::system_error.
    bool Add(const std::vector<std::string>& mailboxes);

private:
    std::string AddedPath() const { return path_ + ".new-mailboxes"; }
    std::vector<std::string> LoadAdded(std::uint64_t checksum) const;

    std::string path_;
    std::string depends_on_;
    std::optional<std::uint64_t> saved_;  // the checksum of the file
    std::vector<std::string> added_;      // since it was saved
};

/// Held while a scanner works with a state file, so that two do not.
class StateLock {
public:
    /// Nothing if another process holds it. Throws std::system_error if the lock's file, beside
    /// the state file, cannot be made.
    static std::unique_ptr<StateLock> Take(const std::string& state_path);

private:
    explicit StateLock(Descriptor file) : file_(std::move(file)) {}
    Descriptor file_;
};

}  // namespace policyd::scanner
