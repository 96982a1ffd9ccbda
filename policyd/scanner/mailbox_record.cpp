#include "policyd/scanner/mailbox_record.hpp"

#include <algorithm>

namespace policyd::scanner {

const FolderRecord* MailboxRecord::Find(std::string_view name) const {
    const auto found =
        std::lower_bound(folders.begin(), folders.end(), name,
                         [this](const FolderRecord& folder, std::string_view wanted) {
                             return NameOf(folder) < wanted;
                         });
    return found != folders.end() && NameOf(*found) == name ? &*found : nullptr;
}

std::uint64_t MailboxRecord::Bytes() const {
    std::uint64_t sum = 0;
    for (const FolderRecord& folder : folders)
        sum = AddBytes(AddBytes(sum, folder.fresh.bytes), folder.seen.bytes);
    return sum;
}

std::uint64_t MailboxRecord::Messages() const {
    std::uint64_t sum = 0;
    for (const FolderRecord& folder : folders) sum += folder.fresh.messages + folder.seen.messages;
    return sum;
}

bool MailboxRecord::IsRacy() const {
    return racy || std::any_of(folders.begin(), folders.end(), [](const FolderRecord& folder) {
               return folder.fresh.racy || folder.seen.racy;
           });
}

bool MailboxRecord::IsPartial() const {
    return unreadable || has_strays ||
           std::any_of(folders.begin(), folders.end(), [](const FolderRecord& folder) {
               return folder.fresh.unreadable || folder.seen.unreadable;
           });
}

bool MailboxRecord::HasUnknownParts() const {
    return std::any_of(folders.begin(), folders.end(), [](const FolderRecord& folder) {
        return folder.fresh.is_unknown || folder.seen.is_unknown;
    });
}

}  // namespace policyd::scanner
