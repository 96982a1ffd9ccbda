#include "tests/support/mail_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace policyd::test {

namespace fs = std::filesystem;

MailStore::MailStore() {
    fs::create_directory(Root());
}

void MailStore::MakeMaildir(std::string_view path) const {
    for (const char* part : {"tmp", "new", "cur"}) fs::create_directories(Root() / path / part);
}

void MailStore::WriteFile(std::string_view path, std::size_t size) const {
    const fs::path file = Root() / path;
    const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) != 0)
        throw std::system_error(errno, std::generic_category(), file);
    close(fd);
}

std::string MailStore::Deliver(std::string_view maildir, std::size_t size, bool with_size) {
    MakeMaildir(maildir);
    std::string name =
        std::to_string(1'700'000'000 + delivered_) + ".M" + std::to_string(delivered_) + "P1.host";
    ++delivered_;
    if (with_size) name += ",S=" + std::to_string(size);
    const std::string directory(maildir);
    WriteFile(directory + "/tmp/" + name, size);
    Rename(directory + "/tmp/" + name, directory + "/new/" + name);
    return name;
}

void MailStore::Rename(std::string_view from, std::string_view to) const {
    fs::rename(Root() / from, Root() / to);
}

void MailStore::Remove(std::string_view path) const {
    fs::remove_all(Root() / path);
}

}  // namespace policyd::test
