#include "loadtest/mailstore/renamer.hpp"

#include <signal.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace policyd::loadtest::mailstore {

namespace fs = std::filesystem;

namespace {

volatile sig_atomic_t terminated = 0;

struct Message {
    std::string directory;  // of the Maildir, with a slash at the end
    std::string name;       // as it is in `new`
    bool starts_in_new = false;
    std::string path;  // where it is now
};

std::vector<Message> MessagesOf(const std::vector<std::string>& maildirs) {
    std::vector<Message> messages;
    for (const std::string& maildir : maildirs) {
        for (const char* part : {"new", "cur"}) {
            for (const auto& entry : fs::directory_iterator(maildir + '/' + part)) {
                const std::string name = entry.path().filename();
                messages.push_back({maildir + '/', name.substr(0, name.find(':')),
                                    std::string(part) == "new", entry.path()});
            }
        }
    }
    return messages;
}

/// A message of `cur` changes its flags, one of `new` goes to `cur` and comes back.
void RenameOnce(Message& message, std::uint64_t turn) {
    static const char* const kFlags[] = {":2,", ":2,S", ":2,RS", ":2,FRS"};
    const bool to_new = message.starts_in_new && turn % 2 == 1;
    const std::string path = to_new ? message.directory + "new/" + message.name
                                    : message.directory + "cur/" + message.name + kFlags[turn % 4];
    if (path == message.path) return;
    if (std::rename(message.path.c_str(), path.c_str()) != 0)
        throw std::system_error(errno, std::generic_category(), message.path);
    message.path = path;
}

}  // namespace

std::uint64_t RenameUntilTerminated(const std::vector<std::string>& maildirs) {
    signal(SIGTERM, [](int) { terminated = 1; });
    std::vector<Message> messages = MessagesOf(maildirs);
    std::uint64_t renames = 0;
    for (std::uint64_t turn = 0; terminated == 0 && !messages.empty(); ++turn) {
        for (Message& message : messages) {
            if (terminated != 0) break;
            RenameOnce(message, turn);
            ++renames;
        }
    }
    return renames;
}

}  // namespace policyd::loadtest::mailstore
