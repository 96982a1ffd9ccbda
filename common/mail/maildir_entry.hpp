#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace policyd::mail {

/// What the name of a file in `new` or `cur` says about the message, as Maildir++ has it:
/// "<unique>,S=<bytes>,W=<bytes>:2,<flags>". Names are bytes; nothing here looks at the file.

/// Whether an entry of that name can be a message: names that begin with a dot cannot.
bool IsMessageName(std::string_view name);

/// The message's size as its deliverer wrote it: the first ",S=" before the ":", with one to
/// eighteen digits, ended by ",", ":" or the end of the name. Nothing if there is none or the
/// first one is anything else: the file itself is then to be asked.
std::optional<std::uint64_t> SizeInName(std::string_view name);

/// The part of a name that stays the same while flags change and the message moves from `new` to
/// `cur`: what stands before the ":".
std::string_view UniquePart(std::string_view name);

/// Whether the message carries the flag T: moved to the trash, to be deleted.
bool IsMarkedDeleted(std::string_view name);

/// Whether a directory of that name in a mailbox is a folder: it begins with a dot, and is not
/// where Dovecot puts folders that it is about to delete.
bool IsFolderName(std::string_view name);

}  // namespace policyd::mail
