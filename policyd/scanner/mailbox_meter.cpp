#include "policyd/scanner/mailbox_meter.hpp"

#include <dirent.h>

#include <algorithm>

#include "common/mail/maildir_entry.hpp"

namespace policyd::scanner {

namespace {

constexpr int kMostRounds = 20;
constexpr int kRoundsToBeSure = 2;
/// Names in a mailbox, and places there, that are tried as those of Maildirs that do not count.
constexpr std::size_t kMostOthers = 100;
constexpr int kMostLooks = 32;
/// Bytes of a directory that holds more than a few of them, and is not read to find one.
constexpr std::uint64_t kMoreThanFolders = 64 << 10;

/// How often a folder is read that changes meanwhile. A small one soon has a quiet moment.
int MostReadings(const FolderRecord& folder) {
    constexpr std::uint32_t kFew = 500;
    constexpr int kMostOfFew = 10;
    return folder.fresh.messages + folder.seen.messages <= kFew ? kMostOfFew : kMostReadings;
}

/// Whether an equal stamp says that nothing changed. A change time in the future was none when it
/// was remembered: the clock was set back since, and may come by the same time again.
bool MayBelieve(const DirectoryRecord& known, FileTime now) {
    return !known.racy && !known.unreadable && !IsTooYoung(known.ctime, now);
}

bool IsOfInbox(std::string_view name) {
    return name == "new" || name == "cur";
}

bool MayBeDirectory(unsigned char type) {
    return type == DT_DIR || type == DT_UNKNOWN;
}

/// Whether it has a folder, be it the inbox alone.
bool IsMaildir(const MailboxRecord& record) {
    const auto is_there = [](const DirectoryRecord& directory) {
        return directory.inode != 0 || directory.unreadable;
    };
    const FolderRecord& inbox = record.folders.front();
    return record.folders.size() > 1 || is_there(inbox.fresh) || is_there(inbox.seen);
}

std::uint64_t Distance(std::uint64_t a, std::uint64_t b) {
    return a > b ? a - b : b - a;
}

}  // namespace

/// One mailbox on its way from the previous record to the next.
struct MailboxMeter::Job {
    const std::string& mailbox;
    const RecordPointer& previous;
    Thoroughness thoroughness;
    bool is_place;
    MailboxRecord next{};
    MeasuredMailbox result{};
    bool read_something = false;
    bool something_is_absent = false;
    bool list_is_known = false;     ///< the mailbox's own stamp is the remembered one
    bool list_is_believed = false;  ///< and so its folders were not listed anew
    std::string stray{};            ///< path of a Maildir in it that is no folder, if one was found
};

/// The two directories of a folder: where they are, and what is known of them if anything is.
struct MailboxMeter::Pair {
    Pair(const std::string& mailbox, std::string_view folder, const FolderRecord* known) {
        fresh.assign(mailbox).push_back('/');
        if (!folder.empty()) fresh.append(folder).push_back('/');
        seen = fresh + "cur";
        fresh += "new";
        if (known == nullptr) return;
        known_fresh = &known->fresh;
        known_seen = &known->seen;
    }

    std::string fresh;
    std::string seen;
    const DirectoryRecord* known_fresh = nullptr;
    const DirectoryRecord* known_seen = nullptr;
};

MeasuredMailbox MailboxMeter::Measure(const std::string& mailbox, const RecordPointer& previous,
                                      Thoroughness thoroughness, bool is_place) {
    Job job{mailbox, previous, thoroughness, is_place};
    ListFolders(job);
    if (job.result.mailbox != Sight::kThere) return std::move(job.result);

    std::size_t at = 0;
    if (job.list_is_believed) {
        at = CountUnchanged(job);
        if (at == previous->folders.size()) {
            job.result.record = previous;
            return std::move(job.result);
        }
        job.next = *previous;
    }
    for (; at < job.next.folders.size(); ++at) {
        FolderRecord& folder = job.next.folders[at];
        const std::string_view name = job.next.NameOf(folder);
        const FolderRecord* known = nullptr;
        if (previous != nullptr) {
            // Where no folder came or went, each is where it was.
            const bool in_place =
                at < previous->folders.size() && previous->NameOf(previous->folders[at]) == name;
            known = in_place ? &previous->folders[at] : previous->Find(name);
        }
        if (rules_.Ignores(name)) {
            LookAtIgnored(job, name, known, folder);
        } else {
            MeasurePair(job, name, known, folder);
        }
    }
    if (job.something_is_absent) ConfirmMailbox(job);
    if (!job.stray.empty()) {
        // The layout says too little of the path then: as a mailbox of 0 bytes it would never be
        // full.
        const bool is_misplaced = previous == nullptr && !IsMaildir(job.next);
        job.result.obstacles.push_back({job.stray, is_misplaced ? Obstacle::Kind::kMisplacedMaildir
                                                                : Obstacle::Kind::kStrayMaildir});
        if (is_misplaced) job.result.mailbox = Sight::kUnreadable;
    }
    if (job.result.mailbox != Sight::kThere) return std::move(job.result);

    if (previous == nullptr || job.read_something) {
        job.next.folders.shrink_to_fit();
        job.next.names.shrink_to_fit();
        job.result.record = std::make_shared<const MailboxRecord>(std::move(job.next));
    } else {
        job.result.record = previous;
    }
    if (previous == nullptr) job.result.changed = true;
    return std::move(job.result);
}

/// How many folders, from the first one on, are as they were remembered. This is all that most
/// mailboxes cost, so it leaves the record alone.
std::size_t MailboxMeter::CountUnchanged(Job& job) {
    const MailboxRecord& previous = *job.previous;
    const FileTime now = clock_();
    const auto is_unchanged = [&](const DirectoryRecord& known) {
        if (!MayBelieve(known, now)) return false;
        ++job.result.work.directories_looked_at;
        Spend(job, 1);
        const SeenDirectory seen = files_.Look(path_.c_str());
        return seen.sight != Sight::kUnreadable && known.Matches(seen.stamp);
    };
    path_.assign(job.mailbox).push_back('/');
    const std::size_t mailbox_ends = path_.size();
    std::size_t unchanged = 0;
    for (const FolderRecord& folder : previous.folders) {
        path_.resize(mailbox_ends);
        if (const auto name = previous.NameOf(folder); !name.empty())
            path_.append(name).push_back('/');
        const std::size_t folder_ends = path_.size();
        path_ += "new";
        if (!is_unchanged(folder.fresh)) break;
        path_.resize(folder_ends);
        path_ += "cur";
        if (!is_unchanged(folder.seen)) break;
        ++unchanged;
    }
    return unchanged;
}

void MailboxMeter::ListFolders(Job& job) {
    const MailboxRecord* const previous = job.previous.get();
    ++job.result.work.directories_looked_at;
    // A change time in the future was none when it was remembered: the clock was set back since.
    // Whether a stray Maildir is there still, deeper down, the stamp does not tell.
    const bool believed = previous != nullptr && !previous->racy && !previous->unreadable &&
                          !previous->has_strays && job.thoroughness == Thoroughness::kWhatChanged &&
                          !IsTooYoung(previous->stamp.ctime, clock_());
    if (believed && files_.Look(job.mailbox.c_str()).stamp == previous->stamp) {
        job.list_is_known = job.list_is_believed = true;
        return;
    }
    const FileTime now = clock_();
    OpenedDirectory directory = files_.Open(job.mailbox.c_str());
    std::vector<std::string> names;
    if (directory.sight == Sight::kThere) {
        job.next.stamp = directory.stamp;
        job.next.racy = IsTooYoung(directory.stamp.ctime, now);
        directory.error = ReadFolderNames(job, directory, names);
        if (directory.error != 0) directory.sight = Sight::kUnreadable;
    }
    if (directory.sight == Sight::kUnreadable) {
        if (previous == nullptr || !previous->unreadable)
            job.result.obstacles.push_back(
                {job.mailbox, Obstacle::Kind::kUnreadable, directory.error});
        if (previous == nullptr) {
            job.result.mailbox = Sight::kUnreadable;
            return;
        }
        job.next = *previous;
        job.next.unreadable = job.next.racy = job.read_something = true;
        return;
    }
    if (directory.sight == Sight::kAbsent) {
        job.result.mailbox = Sight::kAbsent;
        return;
    }
    job.list_is_known = previous != nullptr && previous->stamp == job.next.stamp && !previous->racy;
    job.read_something = true;
    if (previous != nullptr && !(previous->stamp == job.next.stamp)) job.result.changed = true;
    std::sort(names.begin(), names.end());
    AppendFolder(job, "");
    for (const std::string& name : names) AppendFolder(job, name);
    if (previous == nullptr) return;
    for (const FolderRecord& gone : previous->folders) {
        if (job.next.Find(previous->NameOf(gone)) != nullptr) continue;
        job.result.changed = true;
        NoteDrift(job, &gone.fresh, nullptr);
        NoteDrift(job, &gone.seen, nullptr);
    }
}

/// Returns an error number, or 0.
int MailboxMeter::ReadFolderNames(Job& job, const OpenedDirectory& directory,
                                  std::vector<std::string>& names) {
    ++job.result.work.directories_read;
    std::vector<std::string> links;
    std::vector<std::string> others;
    const auto visit = [&](const char* name, unsigned char type) {
        const bool is_folder = mail::IsFolderName(name);
        if (!is_folder && !IsOfInbox(name)) {
            const bool may_be_stray = *name != '.' && std::string_view(name) != "tmp";
            if (may_be_stray && MayBeDirectory(type) && others.size() < kMostOthers)
                others.emplace_back(name);
            return;
        }
        if (type == DT_UNKNOWN) type = files_.LookAtFile(directory.directory, name).type;
        if (type == DT_DIR && is_folder) names.emplace_back(name);
        if (type == DT_LNK) links.emplace_back(name);
    };
    for (int reading = 1;; ++reading) {
        if (reading > 1) EntryReader::Rewind(directory.directory);
        names.clear();
        links.clear();
        others.clear();
        const EntryReader::Result result = folder_reader_.ForEach(directory, visit);
        Spend(job, result.entries + 1);
        if (result.error != 0) return result.error;
        if (result.at_once || reading == kMostReadings) {
            job.next.racy |= !result.at_once;
            break;
        }
        folder_reader_.Enlarge();
    }
    folder_reader_.Shrink();
    for (const std::string& link : links) {
        const bool counts = IsOfInbox(link) || !rules_.Ignores(link);
        if (!counts || !files_.LeadsToDirectory(directory.directory, link.c_str())) continue;
        job.result.obstacles.push_back({job.mailbox + '/' + link, Obstacle::Kind::kSymbolicLink});
    }
    if (!job.is_place) job.stray = FindStray(job, others);
    job.next.has_strays = !job.stray.empty();
    return 0;
}

/// A Maildir that is one of these directories, or lies in one of them, as other layouts than
/// Maildir++ and further namespaces have it. Looks at the first few places; empty if none is one.
std::string MailboxMeter::FindStray(Job& job, const std::vector<std::string>& others) {
    int looks_left = kMostLooks;
    const auto may_look = [&] {
        if (looks_left == 0) return false;
        --looks_left;
        ++job.result.work.directories_looked_at;
        Spend(job, 1);
        return true;
    };
    const auto is_there = [&](const std::string& path) {
        return may_look() && files_.Look(path.c_str()).sight == Sight::kThere;
    };
    for (const std::string& other : others) {
        const std::string path = job.mailbox + '/' + other;
        if (is_there(path + "/new") && is_there(path + "/cur")) return path;
        if (!may_look()) break;
        const OpenedDirectory directory = files_.Open(path.c_str());
        if (directory.sight != Sight::kThere || directory.size > kMoreThanFolders) continue;
        std::vector<std::string> names;
        const auto visit = [&](const char* name, unsigned char type) {
            const bool may_be_stray = !IsOfInbox(name) && std::string_view(name) != "tmp";
            if (may_be_stray && MayBeDirectory(type) && names.size() < kMostOthers)
                names.emplace_back(name);
        };
        folder_reader_.ForEach(directory, visit);
        for (const std::string& name : names) {
            const std::string below = path + '/' + name;
            if (is_there(below + "/new") && is_there(below + "/cur")) return below;
        }
    }
    return {};
}

void MailboxMeter::Spend(Job& job, std::uint64_t work) {
    if (in_haste_) {
        pace_.SpendAtOnce(work);
    } else {
        job.result.paused += pace_.Spend(work);
    }
}

void MailboxMeter::AppendFolder(Job& job, std::string_view name) {
    FolderRecord folder;
    folder.name = static_cast<std::uint32_t>(job.next.names.size());
    job.next.names.append(name).push_back('\0');
    job.next.folders.push_back(folder);
}

/// What is delivered into a folder that does not count was reserved all the same, and is in the
/// measurement that finds it there: a change, of no bytes.
void MailboxMeter::LookAtIgnored(Job& job, std::string_view name, const FolderRecord* known,
                                 FolderRecord& folder) {
    const Pair pair(job.mailbox, name, known);
    TakeStamp(job, pair.fresh, pair.known_fresh, folder.fresh);
    TakeStamp(job, pair.seen, pair.known_seen, folder.seen);
}

void MailboxMeter::TakeStamp(Job& job, const std::string& path, const DirectoryRecord* known,
                             DirectoryRecord& record) {
    ++job.result.work.directories_looked_at;
    Spend(job, 1);
    const FileTime now = clock_();
    const DirectoryStamp stamp = files_.Look(path.c_str()).stamp;
    record.Take(stamp);
    record.racy = IsTooYoung(stamp.ctime, now);
    if (known != nullptr && known->Matches(stamp) && known->racy == record.racy) return;
    job.read_something = true;
    if (known == nullptr || !known->Matches(stamp)) job.result.changed = true;
}

/// `new` before `cur`. Whatever goes from one to the other, in whichever direction, shows in the
/// stamp of `new`: while that stays, both were counted as they were at one moment.
void MailboxMeter::MeasurePair(Job& job, std::string_view name, const FolderRecord* known,
                               FolderRecord& folder) {
    const Pair pair(job.mailbox, name, known);
    for (int reading = 1;; ++reading) {
        const FileTime before = clock_();
        const bool again = reading > 1;
        const bool read_fresh =
            MeasureDirectory(job, pair.fresh, pair.known_fresh, again, folder.fresh);
        const bool read_seen =
            MeasureDirectory(job, pair.seen, pair.known_seen, again, folder.seen);
        if (!read_fresh && !read_seen) return;
        job.read_something = true;
        if (!read_seen || folder.fresh.unreadable || folder.seen.unreadable) break;
        if (folder.fresh.Matches(files_.Look(pair.fresh.c_str()).stamp) &&
            !MayHideChange(folder.fresh.ctime, before))
            break;
        if (reading < MostReadings(folder)) continue;
        CountWhatMoves(job, pair, folder);
        break;
    }
    if (known == nullptr || !known->fresh.HoldsWhat(folder.fresh) ||
        !known->seen.HoldsWhat(folder.seen))
        job.result.changed = true;
    NoteDrift(job, pair.known_fresh, &folder.fresh);
    NoteDrift(job, pair.known_seen, &folder.seen);
}

/// For a folder that never holds still: what was seen in either directory counts, each message once
/// by the part of its name that stays. Both are read until that shows nothing new twice: what goes
/// to and fro may have been in neither, or gone whenever it was asked for its size.
void MailboxMeter::CountWhatMoves(Job& job, const Pair& pair, FolderRecord& folder) {
    MessageCounter::SizesByName seen;
    counter_.CollectInto(&seen);
    std::uint64_t bytes = 0;
    std::uint32_t messages = 0;
    int rounds_without_news = 0;
    for (int round = 0; round < kMostRounds && rounds_without_news < kRoundsToBeSure; ++round) {
        MeasureDirectory(job, pair.fresh, pair.known_fresh, true, folder.fresh);
        MeasureDirectory(job, pair.seen, pair.known_seen, true, folder.seen);
        const std::uint32_t before = std::exchange(messages, 0);
        bytes = 0;
        for (const auto& [unique, size] : seen) {
            if (!size) continue;
            bytes = AddBytes(bytes, *size);
            ++messages;
        }
        const bool is_complete = messages == seen.size() && messages == before;
        rounds_without_news = is_complete ? rounds_without_news + 1 : 0;
    }
    counter_.CollectInto(nullptr);
    if (folder.fresh.unreadable || folder.seen.unreadable) return;
    folder.fresh.bytes = std::min(folder.fresh.bytes, bytes);
    folder.fresh.messages = std::min(folder.fresh.messages, messages);
    folder.seen.bytes = bytes - folder.fresh.bytes;
    folder.seen.messages = messages - folder.fresh.messages;
    folder.fresh.racy = folder.seen.racy = true;
}

/// Brings `record` up to date; true if that took reading the directory, or it could not be read.
bool MailboxMeter::MeasureDirectory(Job& job, const std::string& path, const DirectoryRecord* known,
                                    bool read_anyway, DirectoryRecord& record) {
    ++job.result.work.directories_looked_at;
    const bool believed = known != nullptr && MayBelieve(*known, clock_()) && !read_anyway &&
                          job.thoroughness == Thoroughness::kWhatChanged;
    if (believed) {
        const SeenDirectory seen = files_.Look(path.c_str());
        Spend(job, 1);
        if (seen.sight != Sight::kUnreadable && known->Matches(seen.stamp)) {
            record = *known;
            return false;
        }
    }
    const FileTime now = clock_();
    const OpenedDirectory directory = files_.Open(path.c_str());
    if (directory.sight == Sight::kUnreadable) {
        Obstruct(job, path, directory.error, known, record);
        return true;
    }
    record = {};
    record.Take(directory.stamp);
    if (directory.sight == Sight::kAbsent) {
        job.something_is_absent = true;
        return known == nullptr || !known->Matches(directory.stamp);
    }
    const MessageCount count = counter_.Count(directory, job.result.work);
    Spend(job, count.messages + 1);
    record.bytes = count.bytes;
    record.messages = count.messages;
    record.racy = count.racy || IsTooYoung(directory.stamp.ctime, now) ||
                  directory.stamp.device != job.next.stamp.device;
    if (count.error != 0) Obstruct(job, path, count.error, known, record);
    return true;
}

/// Keeps the last good figures of a directory that cannot be read now.
void MailboxMeter::Obstruct(Job& job, const std::string& path, int error,
                            const DirectoryRecord* known, DirectoryRecord& record) {
    if (known == nullptr || !known->unreadable)
        job.result.obstacles.push_back({path, Obstacle::Kind::kUnreadable, error});
    if (known != nullptr) {
        record = *known;
    } else {
        record.is_unknown = true;
    }
    record.unreadable = record.racy = true;
}

/// What changed behind a stamp that did not: of a directory that is there both times, or of one
/// that came or went (null) although the list of folders is by its stamp the same.
void MailboxMeter::NoteDrift(Job& job, const DirectoryRecord* known,
                             const DirectoryRecord* now) const {
    if (job.thoroughness != Thoroughness::kEverything || job.previous == nullptr) return;
    const DirectoryRecord nothing;
    const DirectoryRecord& before = known != nullptr ? *known : nothing;
    const DirectoryRecord& after = now != nullptr ? *now : nothing;
    const bool is_in_both = known != nullptr && now != nullptr;
    const bool is_shown = is_in_both ? !before.HasStampOf(after) : !job.list_is_known;
    if (is_shown || before.racy || after.racy || after.unreadable) return;
    job.result.drift.bytes += Distance(before.bytes, after.bytes);
    job.result.drift.messages += Distance(before.messages, after.messages);
}

/// What is absent may be so because the mailbox was renamed or removed while it was measured.
/// Folders that come and go meanwhile show in its stamp, which was taken before.
void MailboxMeter::ConfirmMailbox(Job& job) {
    const SeenDirectory now = files_.Look(job.mailbox.c_str());
    if (now.sight == Sight::kAbsent) job.result.mailbox = Sight::kAbsent;
    if (!(now.stamp == job.next.stamp)) job.next.racy = true;
}

}  // namespace policyd::scanner
