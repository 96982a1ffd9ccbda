#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/mail/mailbox_layout.hpp"
#include "policyd/scanner/store_files.hpp"

namespace policyd::scanner {

/// A directory above the mailboxes: the root, a domain, a step of a hashed layout.
struct Place {
    DirectoryStamp stamp;
    bool racy = false;
    bool unreadable = false;
    /// A Maildir itself, of the domain's catch-all address: what it holds are its folders.
    bool is_mailbox = false;
    bool is_mounted = false;   ///< on another file system than the directory that it is in
    bool misses_disk = false;  ///< it was, and not all mailboxes that were there are back
    /// Names of the directories in it, each ended by a NUL, in order; where they are mailboxes, of
    /// those that are an address's. Of the parts of the Maildir that it is, or looks like, those
    /// that are users' mailboxes as well.
    std::string children;
    /// Likewise of the symbolic links to directories that stand where such a directory could.
    std::string links;

    bool Has(std::string_view child) const;
    /// Whether it has `cur`, `new` and `tmp`, be they a Maildir's or mailboxes of users so named.
    bool LooksLikeMaildir() const;
};

/// By path below the root; the root's own is empty.
using Places = std::map<std::string, std::shared_ptr<const Place>>;

/// Whether what a path begins with is a part of the Maildir that it is in, not a directory of
/// its own right: "new", "cur/x", ".Sent/new".
bool IsPartOfMaildir(std::string_view path);

/// What fsck(8) finds goes there, at the top of every file system: one may be a domain's.
inline constexpr std::string_view kLostAndFound = "lost+found";

/// The directories of every Maildir, which users may be named as.
inline constexpr const char* kPartsOfMaildir[] = {"cur", "new", "tmp"};

/// Whether the directory above `path` is a Maildir, whose part this is, and no mailbox as well.
bool IsPartOfMaildirAbove(const Places& places, const std::string& path);

/// What a directory of the mail store is to a scan.
struct Whereabouts {
    bool is_place = false;               ///< directories in it may be mailboxes, or above them
    bool makes_mailbox = false;          ///< with a message in it, the place above is a mailbox
    std::optional<std::string> mailbox;  ///< it is, or is in, this mailbox
};
Whereabouts Locate(const Places& places, const mail::MailboxLayout& layout,
                   const std::string& directory);

}  // namespace policyd::scanner
