#include "tests/support/plain_recount.hpp"

#include <regex>

namespace policyd::test {

namespace fs = std::filesystem;

namespace {

void AddMessagesIn(const fs::path& directory, RecountedMailbox& sum) {
    static const std::regex kSize("^[^:]*?,S=([^:]*)");
    if (!fs::is_directory(fs::symlink_status(directory))) return;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
        const std::string name = entry.path().filename();
        if (name.front() == '.' || !fs::is_regular_file(entry.symlink_status())) continue;
        ++sum.messages;
        std::smatch match;
        std::string digits;
        if (std::regex_search(name, match, kSize)) digits = match[1].str();
        digits = digits.substr(0, digits.find(','));
        const bool is_number = !digits.empty() && digits.size() <= 18 &&
                               digits.find_first_not_of("0123456789") == std::string::npos;
        sum.bytes += is_number ? std::stoull(digits) : entry.file_size();
    }
}

}  // namespace

RecountedMailbox RecountMailbox(const fs::path& mailbox) {
    RecountedMailbox sum;
    AddMessagesIn(mailbox / "new", sum);
    AddMessagesIn(mailbox / "cur", sum);
    for (const fs::directory_entry& entry : fs::directory_iterator(mailbox)) {
        const std::string name = entry.path().filename();
        if (name.front() != '.' || name == "..DOVECOT-TRASHED") continue;
        if (!fs::is_directory(entry.symlink_status())) continue;
        AddMessagesIn(entry.path() / "new", sum);
        AddMessagesIn(entry.path() / "cur", sum);
    }
    return sum;
}

std::map<std::string, RecountedMailbox> RecountStore(const fs::path& root) {
    std::map<std::string, RecountedMailbox> mailboxes;
    for (const fs::directory_entry& domain : fs::directory_iterator(root)) {
        const bool is_hidden = domain.path().filename().string().front() == '.';
        if (is_hidden || !fs::is_directory(domain.symlink_status())) continue;
        for (const fs::directory_entry& user : fs::directory_iterator(domain.path())) {
            if (!fs::is_directory(user.symlink_status())) continue;
            const std::string address =
                user.path().filename().string() + '@' + domain.path().filename().string();
            mailboxes[address] = RecountMailbox(user.path());
        }
    }
    return mailboxes;
}

}  // namespace policyd::test
