#include "policyd/scanner/absent_mailboxes.hpp"

#include <utility>
#include <vector>

#include "common/async/blocking_call.hpp"

namespace policyd::scanner {

async::Task<> AbsentMailboxes::DropReservations(std::shared_ptr<const StoreFiles> files) {
    // Before they are looked for: what comes later may be delivered after that.
    const StoreTime looked = co_await publisher_.AskTime();
    std::vector<std::string> mailboxes = co_await publisher_.UnmeasuredMailboxes();
    auto leave_absent_ones = [this, &mailboxes, &files] {
        return std::erase_if(mailboxes, [&](const std::string& address) {
            const auto directory = layout_.DirectoryOf(address);
            return !directory || !files->HasNothingAt(directory->c_str());
        });
    };
    // There may be many, and a server of files may be slow.
    async::BlockingCall call(loop_.Raw(), std::move(leave_absent_ones));
    co_await call;
    co_await publisher_.NoteAbsent(std::move(mailboxes), looked);
}

}  // namespace policyd::scanner
