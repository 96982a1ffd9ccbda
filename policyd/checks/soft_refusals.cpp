#include "policyd/checks/soft_refusals.hpp"

namespace policyd::checks {

bool SoftRefusals::IsForGood(const Mailboxes& mailboxes, Milliseconds now) {
    if (soft_time_.count() == 0) return true;
    bool for_good = true;
    for (const recipients::Mailbox& mailbox : mailboxes) {
        const auto known = full_since_.find(mailbox.name);
        if (known == full_since_.end()) {
            for_good = false;
            if (full_since_.size() < most_mailboxes_) full_since_.emplace(mailbox.name, now);
        } else if (now - known->second < soft_time_) {
            for_good = false;
        }
    }
    return for_good;
}

void SoftRefusals::HasRoom(const Mailboxes& mailboxes) {
    if (full_since_.empty()) return;
    for (const recipients::Mailbox& mailbox : mailboxes) full_since_.erase(mailbox.name);
}

}  // namespace policyd::checks
