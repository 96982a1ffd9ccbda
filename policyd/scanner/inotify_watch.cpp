#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "policyd/scanner/change_watch.hpp"

namespace policyd::scanner {

namespace {

/// Each watch keeps about two kilobytes of the kernel's memory.
constexpr std::size_t kMostWatched = 100'000;

class InotifyWatch final : public ChangeWatch {
public:
    explicit InotifyWatch(const std::string& root)
        : root_(root), events_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
        if (!events_) throw std::system_error(errno, std::generic_category(), "inotify_init1");
    }

    std::string_view Name() const override { return "inotify"; }
    int Descriptor() const override { return events_.Get(); }
    void Take(ChangeHints& hints) override;
    bool Follow(const ScanState& state, ChangeHints& hints) override;
    bool FollowPlaces(const ScanState& state, ChangeHints& hints) override;
    bool FollowMailbox(const std::string& path, const MailboxRecord& record,
                       ChangeHints& hints) override;

private:
    void TakeEvent(const inotify_event& event, ChangeHints& hints);
    bool Add(const std::string& directory, ChangeHints& hints);
    bool IsSame(const std::string& directory, const std::string& other) const;
    void ForgetName(int watch, const std::string& directory);
    void ForgetBelow(const std::string& directory);

    std::string root_;
    scanner::Descriptor events_;
    /// A directory that is mounted in two places has two names.
    std::unordered_multimap<int, std::string> directories_;
    std::map<std::string, int> watches_;
};

void InotifyWatch::Take(ChangeHints& hints) {
    alignas(inotify_event) std::array<char, 64 << 10> buffer;
    for (;;) {
        const ssize_t size = read(events_.Get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return;
        for (ssize_t at = 0; at < size;) {
            const auto& event = *reinterpret_cast<const inotify_event*>(buffer.data() + at);
            at += static_cast<ssize_t>(sizeof event + event.len);
            TakeEvent(event, hints);
        }
    }
}

void InotifyWatch::TakeEvent(const inotify_event& event, ChangeHints& hints) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
        hints.lost = true;
        return;
    }
    std::vector<std::string> names;
    const auto [first, last] = directories_.equal_range(event.wd);
    for (auto known = first; known != last; ++known) names.push_back(known->second);
    constexpr std::uint32_t kOfDirectory = IN_ISDIR | IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF;
    const bool is_of_directory = (event.mask & kOfDirectory) != 0;
    // Files in the root are no mail, but may be our own.
    if (!is_of_directory) std::erase(names, "");
    if (names.empty()) return;
    auto& changed = is_of_directory ? hints.directories : hints.with_files;
    changed.insert(names.begin(), names.end());
    if ((event.mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
        // It is there no more, or under another name; there may be a new one in its place.
        for (const std::string& directory : names) ForgetName(event.wd, directory);
        if ((event.mask & IN_MOVE_SELF) != 0) inotify_rm_watch(events_.Get(), event.wd);
        return;
    }
    if ((event.mask & IN_ISDIR) == 0) return;
    for (const std::string& directory : names) {
        const std::string subtree = directory.empty() ? event.name : directory + '/' + event.name;
        hints.directories.insert(subtree);
        hints.subtrees.insert(subtree);
        // The watches of a directory that moved go on under a name that is not its own any more.
        if ((event.mask & (IN_MOVED_FROM | IN_MOVED_TO)) != 0) ForgetBelow(subtree);
    }
}

bool InotifyWatch::Add(const std::string& directory, ChangeHints& hints) {
    if (watches_.contains(directory)) return true;
    if (watches_.size() >= kMostWatched) return false;
    constexpr std::uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                      IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW |
                                      IN_EXCL_UNLINK;
    const std::string path = root_ + '/' + directory;
    const int watch = inotify_add_watch(events_.Get(), path.c_str(), kEvents);
    if (watch < 0) return errno != ENOSPC && errno != ENOMEM;
    // The same directory has other names where it was renamed, and then this is the one that holds.
    std::vector<std::string> former;
    const auto [first, last] = directories_.equal_range(watch);
    for (auto known = first; known != last; ++known)
        if (!IsSame(known->second, directory)) former.push_back(known->second);
    for (const std::string& name : former) ForgetName(watch, name);
    directories_.emplace(watch, directory);
    watches_[directory] = watch;
    hints.directories.insert(directory);
    return true;
}

bool InotifyWatch::IsSame(const std::string& directory, const std::string& other) const {
    struct stat one {};
    struct stat two {};
    return lstat((root_ + '/' + directory).c_str(), &one) == 0 &&
           lstat((root_ + '/' + other).c_str(), &two) == 0 && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
}

void InotifyWatch::ForgetName(int watch, const std::string& directory) {
    const auto [first, last] = directories_.equal_range(watch);
    const auto named = std::find_if(
        first, last, [&directory](const auto& known) { return known.second == directory; });
    if (named != last) directories_.erase(named);
    const auto held = watches_.find(directory);
    if (held != watches_.end() && held->second == watch) watches_.erase(held);
}

void InotifyWatch::ForgetBelow(const std::string& directory) {
    const std::string below = directory + '/';
    const auto forget = [this](std::map<std::string, int>::iterator held) {
        const auto [name, watch] = *held;
        const auto next = std::next(held);
        ForgetName(watch, name);
        if (!directories_.contains(watch)) inotify_rm_watch(events_.Get(), watch);
        return next;
    };
    if (const auto self = watches_.find(directory); self != watches_.end()) forget(self);
    auto held = watches_.lower_bound(below);
    while (held != watches_.end() && held->first.starts_with(below)) held = forget(held);
}

bool InotifyWatch::FollowPlaces(const ScanState& state, ChangeHints& hints) {
    for (const auto& [path, place] : state.places) {
        if (!Add(path, hints)) return false;
        // Nothing in it counts, but it may become the mailbox of a user so named.
        if (place->is_mailbox && !Add(path + "/tmp", hints)) return false;
    }
    return true;
}

bool InotifyWatch::Follow(const ScanState& state, ChangeHints& hints) {
    if (!FollowPlaces(state, hints)) return false;
    for (const auto& [path, mailbox] : state.mailboxes)
        if (mailbox.record != nullptr && !FollowMailbox(path, *mailbox.record, hints)) return false;
    return true;
}

bool InotifyWatch::FollowMailbox(const std::string& path, const MailboxRecord& record,
                                 ChangeHints& hints) {
    if (!Add(path, hints)) return false;
    for (const FolderRecord& folder : record.folders) {
        std::string stem = path + '/';
        if (const auto name = record.NameOf(folder); !name.empty()) {
            stem.append(name);
            // `new` and `cur` may yet be made in it.
            if ((folder.fresh.inode == 0 || folder.seen.inode == 0) && !Add(stem, hints))
                return false;
            stem += '/';
        }
        if (!Add(stem + "new", hints) || !Add(stem + "cur", hints)) return false;
    }
    return true;
}

}  // namespace

std::unique_ptr<ChangeWatch> WatchWithInotify(const std::string& root) {
    return std::make_unique<InotifyWatch>(root);
}

}  // namespace policyd::scanner
