#pragma once

#include <memory>
#include <string>

#include "common/async/event_loop.hpp"
#include "common/mail/mailbox_layout.hpp"
#include "policyd/scanner/publisher.hpp"
#include "policyd/scanner/store_files.hpp"

namespace policyd::scanner {

/// Mailboxes that hold reservations and have no directory yet. Nobody measures them: what was
/// reserved for mail that was refused behind policyd would keep their room, and that of their
/// domain, for as long as reservations live. Loop thread.
class AbsentMailboxes {
public:
    /// All of them outlive it.
    AbsentMailboxes(async::EventLoop& loop, const mail::MailboxLayout& layout, Publisher& publisher)
        : loop_(loop), layout_(layout), publisher_(publisher) {}

    /// Has the usage store drop what is older than the grace in mailboxes for which there is
    /// nothing in `files`. A file or a link in their place, and what the layout has no directory
    /// for, may be a mailbox that is not measured. Throws as Publisher does.
    async::Task<> DropReservations(std::shared_ptr<const StoreFiles> files);

private:
    async::EventLoop& loop_;
    const mail::MailboxLayout& layout_;
    Publisher& publisher_;
};

}  // namespace policyd::scanner
