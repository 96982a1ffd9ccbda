#include "policyd/scanner/state_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <functional>
#include <system_error>

#include "common/files/shared_file.hpp"
#include "policyd/scanner/heap_room.hpp"
#include "policyd/scanner/state_bytes.hpp"

namespace policyd::scanner {

namespace {

constexpr std::string_view kFormat = "policyd-scan state 6\n";

[[noreturn]] void Fail(const std::string& path) {
    throw std::system_error(errno, std::generic_category(), path);
}

std::uint8_t Flags(bool a, bool b, bool c = false, bool d = false, bool e = false) {
    return static_cast<std::uint8_t>((a ? 1 : 0) | (b ? 2 : 0) | (c ? 4 : 0) | (d ? 8 : 0) |
                                     (e ? 16 : 0));
}

void Put(StateWriter& out, const DirectoryRecord& record) {
    out.Put(record.inode);
    out.Put(record.mtime);
    out.Put(record.ctime);
    out.Put(record.bytes);
    out.Put(record.messages);
    out.Put(Flags(record.racy, record.unreadable, record.is_unknown));
}

DirectoryRecord GetDirectory(StateReader& in) {
    DirectoryRecord record;
    record.inode = in.Get<std::uint64_t>();
    record.mtime = in.Get<FileTime>();
    record.ctime = in.Get<FileTime>();
    record.bytes = in.Get<std::uint64_t>();
    record.messages = in.Get<std::uint32_t>();
    const auto flags = in.Get<std::uint8_t>();
    record.racy = flags & 1;
    record.unreadable = flags & 2;
    record.is_unknown = flags & 4;
    return record;
}

/// A number for its name, and two directories.
constexpr std::size_t kBytesOfFolder = 4 + 2 * 37;

void Put(StateWriter& out, const MailboxRecord& record) {
    out.Put(record.stamp);
    out.Put(Flags(record.racy, record.unreadable, record.has_strays));
    out.Put(std::string_view(record.names));
    out.Put(static_cast<std::uint32_t>(record.folders.size()));
    for (const FolderRecord& folder : record.folders) {
        out.Put(folder.name);
        Put(out, folder.fresh);
        Put(out, folder.seen);
    }
}

RecordPointer GetMailbox(StateReader& in) {
    MailboxRecord record;
    record.stamp = in.GetStamp();
    const auto flags = in.Get<std::uint8_t>();
    record.racy = flags & 1;
    record.unreadable = flags & 2;
    record.has_strays = flags & 4;
    record.names = in.GetText();
    record.folders.resize(in.GetCount(kBytesOfFolder));
    for (FolderRecord& folder : record.folders) {
        folder.name = in.Get<std::uint32_t>();
        if (folder.name >= record.names.size()) throw StateDamaged("a folder has no name");
        folder.fresh = GetDirectory(in);
        folder.seen = GetDirectory(in);
    }
    return std::make_shared<const MailboxRecord>(std::move(record));
}

void Put(StateWriter& out, const Place& place) {
    out.Put(place.stamp);
    out.Put(
        Flags(place.racy, place.unreadable, place.is_mailbox, place.is_mounted, place.misses_disk));
    out.Put(std::string_view(place.children));
}

std::shared_ptr<const Place> GetPlace(StateReader& in) {
    auto place = std::make_shared<Place>();
    place->stamp = in.GetStamp();
    const auto flags = in.Get<std::uint8_t>();
    place->racy = flags & 1;
    place->unreadable = flags & 2;
    place->is_mailbox = flags & 4;
    place->is_mounted = flags & 8;
    place->misses_disk = flags & 16;
    place->children = in.GetText();
    if (!place->children.empty() && place->children.back() != '\0')
        throw StateDamaged("a list of names does not end");
    return place;
}

ScanState Parse(StateReader& in, const std::string& depends_on) {
    for (const char c : kFormat)
        if (in.Get<char>() != c) throw StateDamaged("it is of another version");
    if (in.GetText() != depends_on)
        throw StateDamaged("it was made for another mail store, layout or counting rule");
    ScanState state;
    state.root_device = in.Get<std::uint32_t>();
    state.knows_store = in.Get<std::uint8_t>() & 1;
    state.listed_store_at = in.Get<StoreTime>();
    for (auto left = in.Get<std::uint64_t>(); left > 0; --left) {
        std::string path = in.GetText();
        state.places.emplace(std::move(path), GetPlace(in));
    }
    for (auto left = in.Get<std::uint64_t>(); left > 0; --left) {
        std::string path = in.GetText();
        KnownMailbox mailbox;
        mailbox.changed_at = in.Get<StoreTime>();
        mailbox.change_took = in.Get<std::uint32_t>();
        mailbox.committed_at = mailbox.stored_at = in.Get<StoreTime>();
        mailbox.verified_at = in.Get<StoreTime>();
        if (in.Get<std::uint8_t>() != 0) mailbox.record = GetMailbox(in);
        state.mailboxes.emplace_hint(state.mailboxes.end(), std::move(path), std::move(mailbox));
    }
    return state;
}

std::uint64_t Write(int fd, const ScanState& state, const std::string& depends_on) {
    StateWriter out(fd);
    for (const char c : kFormat) out.Put(c);
    out.Put(std::string_view(depends_on));
    out.Put(state.root_device);
    out.Put(Flags(state.knows_store, false));
    out.Put(state.listed_store_at);
    out.Put(static_cast<std::uint64_t>(state.places.size()));
    for (const auto& [path, place] : state.places) {
        out.Put(std::string_view(path));
        Put(out, *place);
    }
    out.Put(static_cast<std::uint64_t>(state.mailboxes.size()));
    for (const auto& [path, mailbox] : state.mailboxes) {
        out.Put(std::string_view(path));
        out.Put(mailbox.changed_at);
        out.Put(mailbox.change_took);
        out.Put(mailbox.committed_at);
        out.Put(mailbox.verified_at);
        out.Put(static_cast<std::uint8_t>(mailbox.record != nullptr));
        if (mailbox.record != nullptr) Put(out, *mailbox.record);
    }
    return out.Finish();
}

void SyncDirectoryOf(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const Descriptor opened(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened || fsync(opened.Get()) != 0) Fail(directory);
}

struct Opened {
    Descriptor descriptor;  ///< none where there is no such file
    std::uint64_t size = 0;
};

Opened Open(const std::string& path) {
    Opened file{Descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)), 0};
    if (!file.descriptor) {
        if (errno == ENOENT) return file;
        Fail(path);
    }
    struct stat status {};
    if (fstat(file.descriptor.Get(), &status) != 0) Fail(path);
    if (!S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        Fail(path);
    }
    file.size = static_cast<std::uint64_t>(status.st_size);
    return file;
}

/// Returns what `write` does.
std::uint64_t Replace(const std::string& path, const std::function<std::uint64_t(int)>& write) {
    const std::string temporary = path + ".new";
    // What a crash left, or somebody put there: root must not write, or give away, another's file.
    unlink(temporary.c_str());
    const Descriptor file(
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640));
    if (!file) Fail(temporary);
    std::uint64_t written = 0;
    try {
        files::ShareAsItsDirectory(file.Get(), temporary);
        written = write(file.Get());
        if (fsync(file.Get()) != 0) Fail(temporary);
        if (rename(temporary.c_str(), path.c_str()) != 0) Fail(path);
    } catch (...) {
        unlink(temporary.c_str());
        throw;
    }
    SyncDirectoryOf(path);
    return written;
}

}  // namespace

StateFile::StateFile(std::string path, std::string depends_on)
    : path_(std::move(path)), depends_on_(std::move(depends_on)) {}

std::optional<ScanState> StateFile::Load() {
    const Opened file = Open(path_);
    if (!file.descriptor) return std::nullopt;
    MakeRoomInHeap(file.size + file.size / 2);  // what a state takes that has been read
    StateReader in(file.descriptor.Get(), file.size);
    ScanState state = Parse(in, depends_on_);
    const std::uint64_t checksum = in.Finish();
    added_ = LoadAdded(checksum);
    saved_ = checksum;
    for (const std::string& mailbox : added_) state.mailboxes.try_emplace(mailbox);
    state.has_changed = !added_.empty();
    return state;
}

/// None that was added to another state: a crash came before it was removed.
std::vector<std::string> StateFile::LoadAdded(std::uint64_t checksum) const {
    const Opened file = Open(AddedPath());
    if (!file.descriptor) return {};
    StateReader in(file.descriptor.Get(), file.size);
    if (in.Get<std::uint64_t>() != checksum) return {};
    std::vector<std::string> added;
    for (auto left = in.Get<std::uint64_t>(); left > 0; --left) added.push_back(in.GetText());
    in.Finish();
    return added;
}

void StateFile::Save(const ScanState& state) {
    saved_ = Replace(path_, [&](int file) { return Write(file, state, depends_on_); });
    unlink(AddedPath().c_str());
    added_.clear();
}

bool StateFile::Add(const std::vector<std::string>& mailboxes) {
    if (!saved_) return false;
    added_.insert(added_.end(), mailboxes.begin(), mailboxes.end());
    Replace(AddedPath(), [this](int file) {
        StateWriter out(file);
        out.Put(*saved_);
        out.Put(static_cast<std::uint64_t>(added_.size()));
        for (const std::string& mailbox : added_) out.Put(std::string_view(mailbox));
        return out.Finish();
    });
    return true;
}

std::unique_ptr<StateLock> StateLock::Take(const std::string& state_path) {
    const std::string path = state_path + ".lock";
    Descriptor file = files::OpenShared(path, O_RDWR, 0640).file;
    if (flock(file.Get(), LOCK_EX | LOCK_NB) == 0)
        return std::unique_ptr<StateLock>(new StateLock(std::move(file)));
    if (errno == EWOULDBLOCK) return nullptr;
    Fail(path);
}

}  // namespace policyd::scanner
