#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

namespace policyd::test {

/// Does to a mail store whatever users, servers and administrators do, one random thing after the
/// other. Its mailboxes are <domain>/<user>, from a fixed set of names.
class Disturber {
public:
    Disturber(std::filesystem::path root, std::uint64_t seed)
        : root_(std::move(root)), random_(seed) {
        std::filesystem::create_directories(root_);
        for (int i = 0; i < 6; ++i) MakeMailbox();
    }

    static std::vector<std::string> Users() {
        std::vector<std::string> users;
        for (const char* domain : kDomains)
            for (const char* user : kUsers) users.push_back(std::string(user) + '@' + domain);
        return users;
    }

    void Step() {
        switch (Below(24)) {
            case 0:
                return MakeMailbox();
            case 1:
                return MakeFolder();
            case 2:
                return RenameFolder();
            case 3:
                return SwapFolders();
            case 4:
                return RemoveFolder();
            case 5:
                return MoveToOtherFolder();
            case 6:
                return CopyByHardLink();
            case 7:
                return OneIn(4) ? RenameMailbox() : Deliver();
            case 8:
                return OneIn(4) ? RemoveMailbox() : Deliver();
            case 9:
                return OneIn(8) ? RenameDomain() : Deliver();
            case 10:
                return OneIn(3) ? RestoreFromBackup() : Deliver();
            case 11:
                return ReplaceCur();
            case 12:
            case 13:
                return Remove();
            case 14:
            case 15:
            case 16:
                return ChangeFlags();
            case 17:
            case 18:
                return MoveToCur();
            default:
                return Deliver();
        }
    }

private:
    using Path = std::filesystem::path;

    static constexpr const char* kDomains[] = {"example.org", "example.net", "example.com"};
    static constexpr const char* kUsers[] = {"ann", "bob", "eve", "new", "cur", "tmp"};
    static constexpr const char* kFolders[] = {".Sent", ".Trash", ".Archive", ".Archive.2020"};

    std::uint64_t Below(std::uint64_t n) { return random_() % n; }
    bool OneIn(std::uint64_t n) { return Below(n) == 0; }

    std::vector<Path> DirectoriesIn(const Path& directory) {
        std::vector<Path> found;
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator(directory, error))
            if (entry.is_directory(error)) found.push_back(entry.path());
        std::sort(found.begin(), found.end());
        return found;
    }
    Path AnyOf(const std::vector<Path>& paths) {
        return paths.empty() ? Path() : paths[Below(paths.size())];
    }
    Path AnyMailbox() {
        std::vector<Path> mailboxes;
        for (const Path& domain : DirectoriesIn(root_))
            for (const Path& user : DirectoriesIn(domain)) mailboxes.push_back(user);
        if (mailboxes.empty()) MakeMailbox();
        return mailboxes.empty() ? AnyMailbox() : AnyOf(mailboxes);
    }
    /// A mailbox's directory or one of its folders.
    Path AnyMaildir() {
        const Path mailbox = AnyMailbox();
        std::vector<Path> maildirs{mailbox};
        for (const Path& directory : DirectoriesIn(mailbox))
            if (directory.filename().string().front() == '.') maildirs.push_back(directory);
        return AnyOf(maildirs);
    }
    Path AnyFolder() {
        const Path maildir = AnyMaildir();
        return maildir.filename().string().front() == '.' ? maildir : Path();
    }
    Path AnyMessage(const Path& directory) {
        std::vector<Path> files;
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator(directory, error))
            files.push_back(entry.path());
        std::sort(files.begin(), files.end());
        return AnyOf(files);
    }
    static void Rename(const Path& from, const Path& to) {
        if (!from.empty() && !to.empty()) std::rename(from.c_str(), to.c_str());
    }
    void MakeMaildir(const Path& path) {
        for (const char* part : {"tmp", "new", "cur"})
            std::filesystem::create_directories(path / part);
    }

    void MakeMailbox() {
        MakeMaildir(root_ / kDomains[Below(std::size(kDomains))] /
                    kUsers[Below(std::size(kUsers))]);
    }
    void Deliver() {
        const Path maildir = AnyMaildir();
        const std::uint64_t size = Below(5'000);
        std::string name =
            std::to_string(++delivered_) + ".M" + std::to_string(random_()) + ".host";
        if (!OneIn(3)) name += ",S=" + std::to_string(size);
        const Path temporary = maildir / "tmp" / name;
        const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) return;
        const bool is_sized = ftruncate(fd, static_cast<off_t>(size)) == 0;
        close(fd);
        if (is_sized) Rename(temporary, maildir / "new" / name);
    }
    void MoveToCur() {
        const Path maildir = AnyMaildir();
        const Path message = AnyMessage(maildir / "new");
        if (!message.empty())
            Rename(message, maildir / "cur" / (message.filename().string() + ":2,"));
    }
    void ChangeFlags() {
        const Path message = AnyMessage(AnyMaildir() / "cur");
        if (message.empty()) return;
        const std::string name = message.filename();
        static const char* const kFlags[] = {"", "S", "RS", "ST", "F"};
        Rename(message,
               message.parent_path() / (name.substr(0, name.find(':')) + ":2," + kFlags[Below(5)]));
    }
    void Remove() {
        const Path message = AnyMessage(AnyMaildir() / (OneIn(3) ? "new" : "cur"));
        if (!message.empty()) unlink(message.c_str());
    }
    void MoveToOtherFolder() {
        const Path message = AnyMessage(AnyMaildir() / "cur");
        if (!message.empty()) Rename(message, AnyMaildir() / "cur" / message.filename());
    }
    void CopyByHardLink() {
        const Path message = AnyMessage(AnyMaildir() / "cur");
        if (message.empty()) return;
        const Path copy = AnyMaildir() / "cur" / (std::to_string(++delivered_) + ".copy.host:2,S");
        std::error_code ignored;
        std::filesystem::create_hard_link(message, copy, ignored);
    }
    void MakeFolder() { MakeMaildir(AnyMailbox() / kFolders[Below(std::size(kFolders))]); }
    void RenameFolder() {
        const Path folder = AnyFolder();
        if (!folder.empty()) Rename(folder, folder.parent_path() / kFolders[Below(4)]);
    }
    void SwapFolders() {
        const Path a = AnyFolder();
        const Path b = AnyFolder();
        if (a.empty() || b.empty() || a == b) return;
        const Path aside = root_ / ".aside";
        Rename(a, aside);
        Rename(b, a);
        Rename(aside, b);
    }
    void RemoveFolder() {
        std::error_code ignored;
        if (const Path folder = AnyFolder(); !folder.empty() && OneIn(3))
            std::filesystem::remove_all(folder, ignored);
    }
    /// As a restore or an index repair does: another directory takes the place of `cur`.
    void ReplaceCur() {
        const Path cur = AnyMaildir() / "cur";
        const Path other = cur.parent_path() / "cur.other";
        std::error_code ignored;
        std::filesystem::copy(cur, other, ignored);
        const Path old = cur.parent_path() / "cur.old";
        Rename(cur, old);
        Rename(other, cur);
        std::filesystem::remove_all(old, ignored);
        std::filesystem::remove_all(other, ignored);
    }
    void RenameMailbox() {
        Rename(AnyMailbox(), root_ / kDomains[Below(std::size(kDomains))] / kUsers[Below(6)]);
    }
    void RemoveMailbox() {
        std::error_code ignored;
        std::filesystem::remove_all(AnyMailbox(), ignored);
    }
    void RenameDomain() {
        Rename(AnyOf(DirectoriesIn(root_)), root_ / kDomains[Below(std::size(kDomains))]);
    }
    /// The mailbox as it was a moment ago, with the times that its directories then had.
    void RestoreFromBackup() {
        const Path mailbox = AnyMailbox();
        const Path backup = root_ / ".backup";
        std::error_code ignored;
        std::filesystem::copy(mailbox, backup, std::filesystem::copy_options::recursive, ignored);
        const auto time = std::filesystem::last_write_time(mailbox / "cur", ignored);
        for (int i = 0; i < 5; ++i) Deliver();
        std::filesystem::remove_all(mailbox, ignored);
        Rename(backup, mailbox);
        std::filesystem::last_write_time(mailbox / "cur", time, ignored);
        std::filesystem::remove_all(backup, ignored);
    }

    const Path root_;
    std::mt19937_64 random_;
    std::uint64_t delivered_ = 0;
};

}  // namespace policyd::test
