#pragma once

#include <string>
#include <vector>

#include "common/mail/mailbox_layout.hpp"
#include "policyd/scanner/mailbox_meter.hpp"
#include "policyd/scanner/places.hpp"

namespace policyd::scanner {

/// Which mailboxes there are.
struct Survey {
    Places places;
    std::vector<std::string> mailboxes;  ///< paths below the root, in no order
    std::vector<Obstacle> obstacles;     ///< that were none the last time
    ScanWork work;
};

/// Walks the directories above the mailboxes as `layout` has them, reading only those whose stamps
/// are not in `previous`, or all of them. Symbolic links and names that are no address are left
/// out. A directory that cannot be read keeps the children that it had. Reads on the calling
/// thread, for as long as that takes; changes nothing but what it returns.
Survey SurveyStore(const StoreFiles& files, const mail::MailboxLayout& layout,
                   const Places& previous, Thoroughness thoroughness,
                   FileClock clock = &CoarseFileClock);

}  // namespace policyd::scanner
