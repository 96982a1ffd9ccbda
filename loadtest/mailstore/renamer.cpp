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
    std::string directory;       // of the Maildir, with a slash at the end
    std::string name;            // without flags
    std::uint64_t moves_at = 0;  // the turn in which it goes from `new` to `cur`
    std::string path;            // where it is now
};

std::vector<Message> MessagesOf(const std::vector<std::string>& maildirs) {
    std::vector<Message> messages;
    for (const std::string& maildir : maildirs) {
        std::uint64_t moves_at = 0;
        for (const char* part : {"cur", "new"}) {
            for (const auto& entry : fs::directory_iterator(maildir + '/' + part)) {
                const std::string name = entry.path().filename();
                if (std::string(part) == "new") ++moves_at;
                messages.push_back(
                    {maildir + '/', name.substr(0, name.find(':')), moves_at, entry.path()});
            }
        }
    }
    return messages;
}

/// False if it was not its turn.
bool RenameOnce(Message& message, std::uint64_t turn) {
    static const char* const kFlags[] = {":2,", ":2,S", ":2,RS", ":2,FRS"};
    if (turn < message.moves_at) return false;
    const std::string path = message.directory + "cur/" + message.name + kFlags[turn % 4];
    if (path == message.path) return false;
    if (std::rename(message.path.c_str(), path.c_str()) != 0)
        throw std::system_error(errno, std::generic_category(), message.path);
    message.path = path;
    return true;
}

}  // namespace

std::uint64_t RenameUntilTerminated(const std::vector<std::string>& maildirs) {
    signal(SIGTERM, [](int) { terminated = 1; });
    std::vector<Message> messages = MessagesOf(maildirs);
    std::uint64_t renames = 0;
    for (std::uint64_t turn = 0; terminated == 0 && !messages.empty(); ++turn) {
        for (Message& message : messages) {
            if (terminated != 0) break;
            if (RenameOnce(message, turn)) ++renames;
        }
    }
    return renames;
}

}  // namespace policyd::loadtest::mailstore
