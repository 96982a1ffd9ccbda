#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/mail/mailbox_layout.hpp"
#include "policyd/scanner/mailbox_meter.hpp"

namespace policyd::scanner {

/// A directory above the mailboxes: the root, a domain, a step of a hashed layout.
struct Place {
    DirectoryStamp stamp;
    bool racy = false;
    bool unreadable = false;
    /// A Maildir itself, of the domain's catch-all address: what it holds are its folders.
    bool is_mailbox = false;
    /// Names of the directories in it, each ended by a NUL, in order; where they are mailboxes, of
    /// those that are an address's.
    std::string children;
    /// Likewise of the symbolic links that stand where such a directory could.
    std::string links;
};

/// By path below the root; the root's own is empty.
using Places = std::map<std::string, std::shared_ptr<const Place>>;

/// Which mailboxes there are.
struct Survey {
    Places places;
    std::vector<std::string> mailboxes;  ///< paths below the root, in no order
    std::vector<Obstacle> obstacles;     ///< that were none the last time
    ScanWork work;
};

/// Whether what a path begins with is a part of the Maildir that it is in, not a directory of
/// its own right: "new", "cur/x", ".Sent/new".
bool IsPartOfMaildir(std::string_view path);

/// Walks the directories above the mailboxes as `layout` has them, reading only those whose stamps
/// are not in `previous`, or all of them. Symbolic links and names that are no address are left
/// out. A directory that cannot be read keeps the children that it had.
Survey SurveyStore(const StoreFiles& files, const mail::MailboxLayout& layout,
                   const Places& previous, Thoroughness thoroughness,
                   FileClock clock = &CoarseFileClock);

}  // namespace policyd::scanner
