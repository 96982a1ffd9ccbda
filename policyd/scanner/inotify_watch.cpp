#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <system_error>
#include <unordered_map>

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
    bool FollowMailbox(const std::string& path, const MailboxRecord& record,
                       ChangeHints& hints) override;

private:
    void TakeEvent(const inotify_event& event, ChangeHints& hints);
    bool Add(const std::string& directory, ChangeHints& hints);
    void ForgetBelow(const std::string& directory);

    std::string root_;
    scanner::Descriptor events_;
    std::unordered_map<int, std::string> directories_;
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
    const auto known = directories_.find(event.wd);
    if (known == directories_.end()) return;
    const std::string directory = known->second;
    hints.directories.insert(directory);
    if ((event.mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
        // It is there no more, or under another name; there may be a new one in its place.
        const auto watch = watches_.find(directory);
        if (watch != watches_.end() && watch->second == event.wd) watches_.erase(watch);
        directories_.erase(known);
        if ((event.mask & IN_MOVE_SELF) != 0) inotify_rm_watch(events_.Get(), event.wd);
        return;
    }
    if ((event.mask & IN_ISDIR) == 0) return;
    const std::string subtree = directory.empty() ? event.name : directory + '/' + event.name;
    hints.subtrees.insert(subtree);
    // The watches of a directory that moved go on under a name that is not its own any more.
    if ((event.mask & (IN_MOVED_FROM | IN_MOVED_TO)) != 0) ForgetBelow(subtree);
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
    // The same directory under another name: it was renamed, and this is the name that holds.
    if (const auto former = directories_.find(watch); former != directories_.end())
        watches_.erase(former->second);
    directories_[watch] = directory;
    watches_[directory] = watch;
    hints.directories.insert(directory);
    return true;
}

void InotifyWatch::ForgetBelow(const std::string& directory) {
    const std::string below = directory + '/';
    const auto forget = [this](std::map<std::string, int>::iterator watch) {
        inotify_rm_watch(events_.Get(), watch->second);
        directories_.erase(watch->second);
        return watches_.erase(watch);
    };
    if (const auto self = watches_.find(directory); self != watches_.end()) forget(self);
    auto watch = watches_.lower_bound(below);
    while (watch != watches_.end() && watch->first.starts_with(below)) watch = forget(watch);
}

bool InotifyWatch::Follow(const ScanState& state, ChangeHints& hints) {
    for (const auto& [path, place] : state.places)
        if (!Add(path, hints)) return false;
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
