#include "loadtest/mailstore/store_generator.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <random>
#include <system_error>

namespace policyd::loadtest::mailstore {

namespace fs = std::filesystem;

namespace {

using Random = std::mt19937_64;

double Share(Random& random) {
    return static_cast<double>(random() >> 11) * 0x1.0p-53;
}

/// Of a log-normal distribution, without the library's, which differs between libraries.
double LogNormal(Random& random, double median, double sigma) {
    const double u = std::max(Share(random), 1e-12);
    const double normal = std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * Share(random));
    return median * std::exp(sigma * normal);
}

void WriteFile(const std::string& path, std::uint64_t size) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), path);
    // Sizes without blocks: a scanner sees no difference, the disk does.
    const bool is_sized = ftruncate(fd, static_cast<off_t>(size)) == 0;
    close(fd);
    if (!is_sized) throw std::system_error(errno, std::generic_category(), path);
}

struct Directory {
    std::string path;  // of the `new` or `cur`
    std::uint32_t mailbox = 0;
    bool is_new = false;
};

class Generator {
public:
    Generator(const std::string& root, const StoreShape& shape)
        : root_(root), shape_(shape), random_(shape.seed) {}

    std::vector<TrueUsage> Run(const std::function<void(std::uint64_t)>& progress) {
        MakeMailboxes();
        std::vector<std::uint32_t> where = ShareOutMessages();
        for (std::size_t i = where.size(); i > 1; --i)
            std::swap(where[i - 1], where[random_() % i]);
        for (std::size_t i = 0; i < where.size(); ++i) {
            MakeMessage(directories_[where[i]], i);
            if (i % 10'000 == 0) progress(i);
        }
        return std::move(usage_);
    }

private:
    void MakeMailboxes();
    void MakeFolder(const std::string& path, std::uint32_t mailbox);
    std::vector<std::uint32_t> ShareOutMessages();
    void MakeMessage(const Directory& directory, std::uint64_t number);

    const std::string& root_;
    const StoreShape& shape_;
    Random random_;
    std::vector<TrueUsage> usage_;
    std::vector<Directory> directories_;
};

void Generator::MakeMailboxes() {
    static const char* const kNames[] = {"Sent", "Trash", "Drafts", "Junk", "Archive"};
    for (std::uint32_t i = 0; i < shape_.mailboxes; ++i) {
        // A few domains have most of the users.
        const double rank = std::pow(static_cast<double>(shape_.domains), Share(random_));
        const std::string domain =
            "domain" + std::to_string(static_cast<std::uint32_t>(rank)) + ".example";
        const std::string user = "user" + std::to_string(i);
        usage_.push_back({user + '@' + domain, 0, 0});
        const std::string path = root_ + '/' + domain + '/' + user;
        MakeFolder(path, i);
        const double median = shape_.folders * 0.83;
        const auto folders = std::clamp<std::uint32_t>(
            static_cast<std::uint32_t>(std::lround(LogNormal(random_, median, 0.6))), 1,
            kMostFolders);
        for (std::uint32_t folder = 1; folder < folders; ++folder) {
            const std::string name = folder <= std::size(kNames)
                                         ? kNames[folder - 1]
                                         : "Archive.Year" + std::to_string(folder);
            MakeFolder(path + "/." + name, i);
        }
    }
}

/// A Maildir and what Dovecot keeps in it beside the messages.
void Generator::MakeFolder(const std::string& path, std::uint32_t mailbox) {
    for (const char* part : {"tmp", "new", "cur"}) fs::create_directories(path + '/' + part);
    const bool is_inbox = fs::path(path).filename().string().front() != '.';
    for (const char* name : {"dovecot-uidlist", "dovecot.index.log"})
        WriteFile(path + '/' + name, 4096);
    if (is_inbox) {
        for (const char* name : {"subscriptions", "dovecot-uidvalidity"})
            WriteFile(path + '/' + name, 8);
    } else {
        WriteFile(path + "/maildirfolder", 0);
    }
    directories_.push_back({path + "/new", mailbox, true});
    directories_.push_back({path + "/cur", mailbox, false});
}

/// For each message, the directory that it goes to. Few directories hold most of them, two of
/// them very many; hardly any are in `new`.
std::vector<std::uint32_t> Generator::ShareOutMessages() {
    std::vector<double> weights;
    for (const Directory& directory : directories_)
        weights.push_back(LogNormal(random_, directory.is_new ? 0.05 : 1.0, 1.6));
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    const std::uint32_t huge[] = {shape_.messages / 20, shape_.messages / 50};
    std::vector<std::uint32_t> where;
    where.reserve(shape_.messages);
    where.insert(where.end(), huge[0], 1);
    where.insert(where.end(), huge[1], static_cast<std::uint32_t>(directories_.size() - 1));
    const double rest = shape_.messages - huge[0] - huge[1];
    double due = 0;
    for (std::uint32_t i = 0; i < directories_.size(); ++i) {
        due += weights[i] / sum * rest;
        for (; due >= 1 && where.size() < shape_.messages; due -= 1) where.push_back(i);
    }
    while (where.size() < shape_.messages) where.push_back(1);
    return where;
}

void Generator::MakeMessage(const Directory& directory, std::uint64_t number) {
    constexpr double kMostBytes = 50e6;
    const auto size =
        static_cast<std::uint64_t>(std::min(LogNormal(random_, 9'000, 1.6), kMostBytes));
    std::uint64_t on_disk = size;
    std::string name = std::to_string(1'600'000'000 + number * 97) + ".M" +
                       std::to_string(random_() % 1'000'000) + "P" +
                       std::to_string(random_() % 32'768) + ".mx1.example";
    if (Share(random_) < shape_.named_sizes) {
        name += ",S=" + std::to_string(size);
        if (random_() % 2 == 0) name += ",W=" + std::to_string(size + size / 40);
        if (Share(random_) < shape_.compressed) on_disk = size / 3;
    }
    if (!directory.is_new) name += random_() % 3 == 0 ? ":2," : ":2,S";
    WriteFile(directory.path + '/' + name, on_disk);
    TrueUsage& usage = usage_[directory.mailbox];
    usage.bytes += size;
    ++usage.messages;
}

}  // namespace

std::vector<TrueUsage> GenerateStore(const std::string& root, const StoreShape& shape,
                                     const std::function<void(std::uint64_t)>& progress) {
    if (fs::exists(root) && !fs::is_empty(root))
        throw std::system_error(ENOTEMPTY, std::generic_category(), root);
    return Generator(root, shape).Run(progress);
}

std::vector<std::string> ChangeStore(const std::string& root, double share, std::uint64_t seed) {
    std::vector<std::string> directories;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
        const std::string name = entry.path().filename();
        if ((name == "new" || name == "cur") && entry.is_directory())
            directories.push_back(entry.path());
    }
    std::sort(directories.begin(), directories.end());
    Random random(seed);
    std::vector<std::string> files;
    for (const std::string& directory : directories) {
        if (Share(random) >= share) continue;
        files.push_back(directory + "/1700000000.M" + std::to_string(random()) +
                        ".mx1.example,S=1000");
        WriteFile(files.back(), 1000);
    }
    return files;
}

}  // namespace policyd::loadtest::mailstore
