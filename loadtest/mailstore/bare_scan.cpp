#include "loadtest/mailstore/bare_scan.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <vector>

namespace policyd::loadtest::mailstore {

namespace fs = std::filesystem;

namespace {

constexpr unsigned kStamp = STATX_TYPE | STATX_INO | STATX_MTIME | STATX_CTIME | STATX_SIZE;

double CpuSeconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// Relative to `root`, in the order in which a scanner that sorts its mailboxes visits them.
std::vector<std::string> DirectoriesOf(const std::string& root) {
    std::vector<std::string> mailboxes;
    for (const auto& domain : fs::directory_iterator(root))
        for (const auto& user : fs::directory_iterator(domain))
            mailboxes.push_back(fs::relative(user, root));
    std::sort(mailboxes.begin(), mailboxes.end());
    std::vector<std::string> directories;
    for (const std::string& mailbox : mailboxes) {
        std::vector<std::string> folders{""};
        for (const auto& entry : fs::directory_iterator(root + '/' + mailbox))
            if (const std::string name = entry.path().filename(); name.front() == '.')
                folders.push_back(name + '/');
        std::sort(folders.begin(), folders.end());
        directories.push_back(mailbox);
        for (const std::string& folder : folders)
            for (const char* part : {"new", "cur"})
                directories.push_back(mailbox + '/' + folder + part);
    }
    return directories;
}

class Reader {
public:
    explicit Reader(int root) : root_(root), buffer_(16 << 20) {}

    /// Returns how many files it asked for their size.
    std::uint64_t Read(const char* path, bool ask_files) {
        const int directory =
            openat(root_, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);
        if (directory < 0) throw std::system_error(errno, std::generic_category(), path);
        struct statx status;
        statx(directory, "", AT_EMPTY_PATH, kStamp, &status);
        std::uint64_t asked = 0;
        for (;;) {
            const long bytes = syscall(SYS_getdents64, directory, buffer_.data(), buffer_.size());
            if (bytes <= 0) break;
            for (long at = 0; at < bytes;) {
                const auto* entry = reinterpret_cast<const dirent64*>(buffer_.data() + at);
                at += entry->d_reclen;
                if (!ask_files || entry->d_type != DT_REG ||
                    std::strstr(entry->d_name, ",S=") != nullptr)
                    continue;
                statx(directory, entry->d_name, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_SIZE,
                      &status);
                ++asked;
            }
        }
        close(directory);
        return asked;
    }

private:
    int root_;
    std::vector<char> buffer_;
};

}  // namespace

BareScan ScanBarely(const std::string& root) {
    const std::vector<std::string> directories = DirectoriesOf(root);
    const int fd = open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), root);
    BareScan scan;
    scan.directories = directories.size();
    struct statx status;
    double before = CpuSeconds();
    for (const std::string& directory : directories)
        statx(fd, directory.c_str(), AT_SYMLINK_NOFOLLOW, kStamp, &status);
    scan.looks = CpuSeconds() - before;

    Reader reader(fd);
    before = CpuSeconds();
    for (const std::string& directory : directories) reader.Read(directory.c_str(), false);
    scan.names_only = CpuSeconds() - before;
    before = CpuSeconds();
    for (const std::string& directory : directories)
        scan.asked += reader.Read(directory.c_str(), true);
    scan.readings = CpuSeconds() - before;
    close(fd);
    return scan;
}

}  // namespace policyd::loadtest::mailstore
