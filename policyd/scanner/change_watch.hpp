#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "policyd/scanner/scan_state.hpp"

namespace policyd::scanner {

/// What a watch has noticed: hints where to look, never figures.
struct ChangeHints {
    std::set<std::string> directories;  ///< paths below the root where any entry may have changed,
                                        ///< and those of `subtrees`
    std::set<std::string> with_files;   ///< where files alone came, went or were renamed
    std::set<std::string> subtrees;     ///< directories that came, went or were renamed
    bool lost = false;                  ///< events were lost: anything may have changed

    bool Any() const { return lost || !directories.empty() || !with_files.empty(); }
};

/// Is told by the kernel where in the mail store entries come and go. Loop thread.
class ChangeWatch {
public:
    virtual ~ChangeWatch() = default;

    /// "fanotify" or "inotify".
    virtual std::string_view Name() const = 0;
    /// Readable when there is something to take.
    virtual int Descriptor() const = 0;
    /// Takes what there is, without waiting.
    virtual void Take(ChangeHints& hints) = 0;

    /// Whether what it watches is what is found at the root's path by now.
    virtual bool SeesRoot() const { return true; }

    /// Watches the directories of the state, those of it in which mailboxes come and go, or those
    /// of one mailbox, that are not watched yet, and adds to `hints` those in which something may
    /// have changed before. False if there are more than can be watched: the watch is then of no
    /// use.
    virtual bool Follow(const ScanState& state, ChangeHints& hints) = 0;
    virtual bool FollowPlaces(const ScanState& state, ChangeHints& hints) = 0;
    virtual bool FollowMailbox(const std::string& path, const MailboxRecord& record,
                               ChangeHints& hints) = 0;
};

/// Sees everything on the file system of the root, at no cost for each directory. Needs
/// CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH. Throws std::system_error.
std::unique_ptr<ChangeWatch> WatchWithFanotify(const std::string& root);

/// Needs no privilege, but watches each directory by itself: for stores of up to 100,000.
/// Throws std::system_error.
std::unique_ptr<ChangeWatch> WatchWithInotify(const std::string& root);

}  // namespace policyd::scanner
