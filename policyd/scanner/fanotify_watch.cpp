#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <unordered_map>

#include "policyd/scanner/change_watch.hpp"

namespace policyd::scanner {

namespace {

constexpr std::size_t kMostRemembered = 50'000;

[[noreturn]] void Fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// The path by which the kernel knows an open file; empty if it is gone.
std::string PathOf(int fd) {
    std::array<char, 4096> path{};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t size = readlink(link.c_str(), path.data(), path.size());
    return size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : std::string();
}

bool IsRemoved(const scanner::Descriptor& directory) {
    struct stat status {};
    return fstat(directory.Get(), &status) != 0 || status.st_nlink == 0;
}

/// Whether this open directory is the `tmp` of a Maildir, in which nothing counts.
bool IsTmpOfMaildir(const scanner::Descriptor& directory, std::string_view path) {
    return path.ends_with("/tmp") && faccessat(directory.Get(), "../cur", F_OK, 0) == 0 &&
           faccessat(directory.Get(), "../new", F_OK, 0) == 0;
}

class FanotifyWatch final : public ChangeWatch {
public:
    explicit FanotifyWatch(const std::string& root);

    std::string_view Name() const override { return "fanotify"; }
    int Descriptor() const override { return events_.Get(); }
    void Take(ChangeHints& hints) override;
    bool SeesRoot() const override;
    bool Follow(const ScanState&, ChangeHints&) override { return true; }
    bool FollowPlaces(const ScanState&, ChangeHints&) override { return true; }
    bool FollowMailbox(const std::string&, const MailboxRecord&, ChangeHints&) override {
        return true;
    }

private:
    struct Place {
        std::optional<std::string> path;  ///< below the root; nothing if it is elsewhere
        bool is_tmp = false;              ///< of a Maildir: what messages do there does not matter
    };

    void TakeEvent(const fanotify_event_metadata& event, std::string_view records,
                   ChangeHints& hints);
    Place PlaceOf(const file_handle& handle, bool& is_gone) const;

    scanner::Descriptor events_;
    std::string root_name_;
    scanner::Descriptor root_;
    std::string root_path_;
    std::unordered_map<std::string, Place> places_;  // by handle; bounded
};

FanotifyWatch::FanotifyWatch(const std::string& root)
    : events_(fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_CLOEXEC | FAN_NONBLOCK,
                            O_RDONLY | O_CLOEXEC | O_LARGEFILE)),
      root_name_(root),
      root_(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (!events_) Fail("fanotify_init");
    if (!root_) Fail(root.c_str());
    root_path_ = PathOf(root_.Get());
    constexpr std::uint64_t kEvents =
        FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_ONDIR;
    if (fanotify_mark(events_.Get(), FAN_MARK_ADD | FAN_MARK_FILESYSTEM, kEvents, root_.Get(),
                      nullptr) != 0)
        Fail("fanotify_mark");
    // Marking does without CAP_DAC_READ_SEARCH, finding out what an event is about does not.
    alignas(file_handle) std::array<char, sizeof(file_handle) + MAX_HANDLE_SZ> buffer{};
    auto& handle = *reinterpret_cast<file_handle*>(buffer.data());
    handle.handle_bytes = MAX_HANDLE_SZ;
    int mount = 0;
    if (name_to_handle_at(root_.Get(), "", &handle, &mount, AT_EMPTY_PATH) != 0)
        Fail("name_to_handle_at");
    const scanner::Descriptor opened(open_by_handle_at(root_.Get(), &handle, O_PATH | O_CLOEXEC));
    if (!opened) Fail("open_by_handle_at");
}

/// The same directory may have been moved, or be mounted anew: what the kernel tells is then below
/// another path than the one that is known.
bool FanotifyWatch::SeesRoot() const {
    const scanner::Descriptor now(open(root_name_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return now && PathOf(now.Get()) == root_path_ && PathOf(root_.Get()) == root_path_ &&
           IdentityOf(now).mount == IdentityOf(root_).mount;
}

void FanotifyWatch::Take(ChangeHints& hints) {
    std::array<char, 64 << 10> buffer;
    for (;;) {
        const ssize_t size = read(events_.Get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return;
        for (const char* at = buffer.data(); at < buffer.data() + size;) {
            fanotify_event_metadata event;  // a copy: events are not aligned
            std::memcpy(&event, at, sizeof event);
            if (event.vers != FANOTIFY_METADATA_VERSION || (event.mask & FAN_Q_OVERFLOW) != 0) {
                hints.lost = true;
            } else {
                TakeEvent(event, {at + event.metadata_len, event.event_len - event.metadata_len},
                          hints);
            }
            at += event.event_len;
        }
    }
}

void FanotifyWatch::TakeEvent(const fanotify_event_metadata& event, std::string_view records,
                              ChangeHints& hints) {
    while (records.size() >= sizeof(fanotify_event_info_fid)) {
        const auto& info = *reinterpret_cast<const fanotify_event_info_fid*>(records.data());
        records.remove_prefix(std::min<std::size_t>(info.hdr.len, records.size()));
        if (info.hdr.info_type != FAN_EVENT_INFO_TYPE_DFID_NAME) continue;
        const auto& handle = *reinterpret_cast<const file_handle*>(info.handle);
        const std::string key(reinterpret_cast<const char*>(&handle),
                              sizeof handle + handle.handle_bytes);
        if (places_.size() > kMostRemembered) places_.clear();
        auto known = places_.find(key);
        if (known == places_.end()) {
            bool is_gone = false;
            Place place = PlaceOf(handle, is_gone);
            // What happened to it is told by the directory that it was in.
            if (is_gone) continue;
            // While the root has another name, everything below it seems to be elsewhere.
            if (!place.path && PathOf(root_.Get()) != root_path_) {
                hints.lost = true;
                continue;
            }
            known = places_.emplace(key, std::move(place)).first;
        }
        const auto& [path, is_tmp] = known->second;
        const bool is_of_directory = (event.mask & FAN_ONDIR) != 0;
        // A mailbox may have that name, too, and folders come and go in it. Files in the root are
        // no mail, but may be our own.
        if (!path || ((is_tmp || path->empty()) && !is_of_directory)) continue;
        (is_of_directory ? hints.directories : hints.with_files).insert(*path);
        if (!is_of_directory) continue;
        const char* const name =
            reinterpret_cast<const char*>(handle.f_handle) + handle.handle_bytes;
        const std::string subtree = path->empty() ? name : *path + '/' + name;
        hints.directories.insert(subtree);
        hints.subtrees.insert(subtree);
        // Directories that come, go or move change the paths of those below them.
        places_.clear();
    }
}

FanotifyWatch::Place FanotifyWatch::PlaceOf(const file_handle& handle, bool& is_gone) const {
    const scanner::Descriptor directory(
        open_by_handle_at(root_.Get(), const_cast<file_handle*>(&handle), O_PATH | O_CLOEXEC));
    const std::string path = directory ? PathOf(directory.Get()) : std::string();
    is_gone = path.empty() || IsRemoved(directory);
    if (is_gone) return {};
    if (path == root_path_) return {.path = ""};
    std::string_view above = root_path_;
    if (above == "/") above = "";
    const bool is_below = path.starts_with(above) && path[above.size()] == '/';
    if (!is_below) return {};
    return {.path = path.substr(above.size() + 1), .is_tmp = IsTmpOfMaildir(directory, path)};
}

}  // namespace

std::unique_ptr<ChangeWatch> WatchWithFanotify(const std::string& root) {
    return std::make_unique<FanotifyWatch>(root);
}

}  // namespace policyd::scanner
