#include "policyd/scanner/absent_mailboxes.hpp"

#include <utility>
#include <vector>

namespace policyd::scanner {

async::Task<> AbsentMailboxes::DropReservations(std::shared_ptr<const StoreFiles> files) {
    // Before they are looked for: what comes later may be delivered after that.
    const StoreTime looked = co_await publisher_.AskTime();
    std::vector<std::string> mailboxes = co_await store_.UnmeasuredMailboxes();
    std::erase_if(mailboxes, [&](const std::string& address) {
        const auto directory = layout_.DirectoryOf(address);
        return !directory || !files->HasNothingAt(directory->c_str());
    });
    co_await publisher_.NoteAbsent(std::move(mailboxes), looked);
}

}  // namespace policyd::scanner
