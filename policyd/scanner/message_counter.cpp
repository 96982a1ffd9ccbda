#include "policyd/scanner/message_counter.hpp"

#include <dirent.h>

#include <functional>

#include "common/mail/maildir_entry.hpp"
#include "policyd/scanner/mailbox_record.hpp"

namespace policyd::scanner {

namespace {

std::size_t HashOf(std::string_view name) {
    return std::hash<std::string_view>{}(mail::UniquePart(name));
}

}  // namespace

MessageCount MessageCounter::Count(const OpenedDirectory& directory, ScanWork& work) {
    MessageCount count;
    ++work.directories_read;
    for (int reading = 1;; ++reading) {
        if (reading > 1) EntryReader::Rewind(directory.directory);
        count = {};
        const EntryReader::Result result = ReadOnce(directory, count, work);
        if (result.error != 0) count.error = result.error;
        if (result.error != 0 || result.at_once || !HasChanged(directory)) break;
        if (reading == kMostReadings) {
            count.racy = true;
            break;
        }
        reader_.Enlarge();
    }
    if (!renamed_.empty()) FindRenamed(directory, count, work);
    reader_.Shrink();
    return count;
}

EntryReader::Result MessageCounter::ReadOnce(const OpenedDirectory& directory, MessageCount& count,
                                             ScanWork& work) {
    now_ = clock_();
    renamed_.clear();
    return reader_.ForEach(directory, [&](const char* name, unsigned char type) {
        Visit(directory, name, type, count, work);
    });
}

void MessageCounter::Visit(const OpenedDirectory& directory, const char* name, unsigned char type,
                           MessageCount& count, ScanWork& work) {
    const std::string_view text = name;
    const bool may_be_message = (type == DT_REG || type == DT_UNKNOWN) &&
                                mail::IsMessageName(text) &&
                                !(rules_.skip_deleted && mail::IsMarkedDeleted(text));
    if (!may_be_message) {
        ++work.skipped;
        return;
    }
    if (type == DT_REG && rules_.believe_names) {
        if (const auto size = mail::SizeInName(text)) {
            ++work.messages_read;
            Add(text, *size, count);
            return;
        }
    }
    ++work.files_asked;
    std::uint64_t bytes = 0;
    if (!AskFile(directory, name, count, bytes)) {
        ++work.skipped;
        return;
    }
    ++work.messages_read;
    if (rules_.believe_names) bytes = mail::SizeInName(text).value_or(bytes);
    Add(text, bytes, count);
}

bool MessageCounter::AskFile(const OpenedDirectory& directory, const char* name,
                             MessageCount& count, std::uint64_t& bytes) {
    const SeenFile file = files_.LookAtFile(directory.directory, name);
    if (file.sight == Sight::kUnreadable) count.error = file.error;
    if (file.sight == Sight::kAbsent && file.error == ENOENT) {
        renamed_.insert(HashOf(name));
        if (collected_ != nullptr) collected_->emplace(HashOf(name), std::nullopt);
    }
    if (file.sight != Sight::kThere) return false;
    // Written in place instead of in `tmp`, it may still grow, which no directory shows.
    if (IsTooYoung(file.changed, now_)) count.racy = true;
    bytes = file.bytes;
    return true;
}

void MessageCounter::Add(std::string_view name, std::uint64_t bytes, MessageCount& count) {
    count.bytes = AddBytes(count.bytes, bytes);
    ++count.messages;
    if (collected_ != nullptr) (*collected_)[HashOf(name)] = bytes;
}

/// Messages whose names changed between the reading and the question for their size: they are in
/// the directory under other names, unless they were deleted or moved on.
void MessageCounter::FindRenamed(const OpenedDirectory& directory, MessageCount& count,
                                 ScanWork& work) {
    for (int reading = 0; reading < kMostReadings && !renamed_.empty(); ++reading) {
        EntryReader::Rewind(directory.directory);
        const std::unordered_set<std::size_t> wanted = std::exchange(renamed_, {});
        std::unordered_set<std::size_t> found;
        const auto look_again = [&](const char* name, unsigned char) {
            const std::size_t unique = HashOf(name);
            std::uint64_t bytes = 0;
            if (!wanted.contains(unique) || found.contains(unique)) return;
            ++work.files_asked;
            if (!AskFile(directory, name, count, bytes)) return;
            found.insert(unique);
            ++work.messages_read;
            Add(name, bytes, count);
        };
        reader_.ForEach(directory, look_again);
    }
    if (!renamed_.empty()) count.racy = true;
    renamed_.clear();
}

bool MessageCounter::HasChanged(const OpenedDirectory& directory) const {
    const SeenDirectory now = files_.LookAtOpen(directory.directory);
    return now.sight != Sight::kThere || !(now.stamp == directory.stamp);
}

}  // namespace policyd::scanner
