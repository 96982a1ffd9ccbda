#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace policyd::test {

/// One thing in a mailbox's directory.
struct MailboxItem {
    enum class Kind { kFile, kDirectory, kHardLink, kSymbolicLink, kFifo };

    Kind kind = Kind::kFile;
    std::string path;  ///< below the mailbox's directory; missing parents are made
    std::uint64_t size = 0;
    std::string target;  ///< of links; a hard link's is below the mailbox's directory

    std::string Describe() const;
};

using MailboxItems = std::vector<MailboxItem>;

/// Makes the mailbox's directory hold these and nothing else.
void MakeMailbox(const std::filesystem::path& mailbox, const MailboxItems& items);

/// Mailboxes as they occur, with all their odds and ends, that Dovecot counts sanely.
class MailboxGenerator {
public:
    explicit MailboxGenerator(std::uint64_t seed) : random_(seed) {}

    MailboxItems Next();

private:
    std::uint64_t Below(std::uint64_t n) { return random_() % n; }
    bool OneIn(std::uint64_t n) { return Below(n) == 0; }
    template <std::size_t kSize>
    std::string Any(const char* const (&choices)[kSize]) {
        return choices[Below(kSize)];
    }

    void AddFolder(MailboxItems& items, const std::string& folder);
    MailboxItem AnyMessage(const std::string& directory);
    std::string AnyFolder();
    void AddForeignThings(MailboxItems& items);

    std::mt19937_64 random_;
    unsigned messages_ = 0;
};

inline std::string MailboxItem::Describe() const {
    static const char* const kKinds[] = {"file", "directory", "hard link", "symbolic link", "fifo"};
    std::string text = kKinds[static_cast<int>(kind)];
    text += " \"" + path + "\"";
    if (kind == Kind::kFile) text += " of " + std::to_string(size) + " bytes";
    if (!target.empty()) text += " to " + target;
    return text;
}

inline void MakeMailbox(const std::filesystem::path& mailbox, const MailboxItems& items) {
    namespace fs = std::filesystem;
    fs::remove_all(mailbox);
    fs::create_directories(mailbox);
    for (const MailboxItem& item : items) {
        const fs::path path = mailbox / item.path;
        fs::create_directories(path.parent_path());
        std::error_code exists_already;
        int fd = -1;
        switch (item.kind) {
            case MailboxItem::Kind::kFile:
                fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                if (fd < 0 || ftruncate(fd, static_cast<off_t>(item.size)) != 0)
                    throw std::runtime_error("cannot write " + path.string());
                close(fd);
                break;
            case MailboxItem::Kind::kDirectory:
                fs::create_directories(path);
                break;
            case MailboxItem::Kind::kHardLink:
                // While a disagreement is made smaller, the target may be left out already.
                fs::create_hard_link(mailbox / item.target, path, exists_already);
                break;
            case MailboxItem::Kind::kSymbolicLink:
                fs::create_symlink(item.target, path, exists_already);
                break;
            case MailboxItem::Kind::kFifo:
                mkfifo(path.c_str(), 0600);
                break;
        }
    }
}

inline MailboxItem MailboxGenerator::AnyMessage(const std::string& directory) {
    static const char* const kFields[] = {"",          "",
                                          ",S=@",      ",S=@",
                                          ",S=@",      ",S=@,W=%",
                                          ",W=%,S=@",  ",W=%",
                                          ",S=1",       // wrong: too small
                                          ",S=987654",  // wrong: too large
                                          ",S=0",      ",S=00000000000000000012",
                                          ",S=12x",    ",S=-5",
                                          ",S=5,S=9",  ",s=7",
                                          ",S",        "S=3",
                                          ",S=+3",     ",S=7 ",
                                          ",A=1,S=@",  ",S=@,Z=1"};
    static const char* const kInfos[] = {"",      ":2,",       ":2,S", ":2,RS",
                                         ":2,ST", ":2,FRSabc", ":1,x", ":"};
    const std::uint64_t size = OneIn(20) ? Below(5'000'000) : Below(5'000);
    std::string fields = Any(kFields);
    std::string info = directory.ends_with("new") && !OneIn(8) ? "" : Any(kInfos);
    if (fields.find("00000000000000000012") != std::string::npos) fields = ",S=000000000000000012";
    for (std::size_t at; (at = fields.find('@')) != std::string::npos;)
        fields.replace(at, 1, std::to_string(size));
    for (std::size_t at; (at = fields.find('%')) != std::string::npos;)
        fields.replace(at, 1, std::to_string(size + size / 40));
    static const char* const kHosts[] = {"host",      "mx.example.org", "h\\057st",
                                         "h\xff\xfe", "h st",           "h\nst"};
    std::string name = std::to_string(1'600'000'000 + Below(100'000'000)) + ".M" +
                       std::to_string(++messages_) + "P" + std::to_string(Below(30'000)) + '.' +
                       Any(kHosts) + fields + info;
    return {MailboxItem::Kind::kFile, directory + '/' + name, size, ""};
}

inline std::string MailboxGenerator::AnyFolder() {
    // Names that Dovecot lists: the others are among the listed differences.
    static const char* const kFolders[] = {".Sent",
                                           ".Trash",
                                           ".Drafts",
                                           ".Junk",
                                           ".Archive.2024.01",
                                           ".a.b.c.d",
                                           ".Trash.old",
                                           ".&AOQ-rger",
                                           ".&U,BTFw-",
                                           ".Folder with blanks",
                                           ".INBOXES",
                                           ".UPPER",
                                           ".x+y=z",
                                           ".1",
                                           ".with%percent",
                                           ".quote\"s",
                                           ".star*",
                                           ".Sent.&AOQ-.x",
                                           ".sent",
                                           ".back\\slash",
                                           ".a..b",
                                           ".trailing.",
                                           ".&-",
                                           ".x&-y",
                                           ".~x",
                                           ". blank",
                                           ".INBOX.x",
                                           ".INBOX.INBOX",
                                           ".&2D3cqQ-",
                                           ".&AOQA,A-",
                                           ".cur",
                                           ".new",
                                           ".tmp",
                                           ".:x",
                                           ".dovecot-trash",
                                           ".end ",
                                           ".nfs0001",
                                           ".#x",
                                           ".Entw&APw-rfe",
                                           ".&BB8EQAQ4BDIENQRC-.x"};
    return Any(kFolders);
}

inline void MailboxGenerator::AddFolder(MailboxItems& items, const std::string& folder) {
    const std::string stem = folder.empty() ? "" : folder + "/";
    for (const char* part : {"tmp", "new", "cur"}) {
        // An inbox without `cur` is one of the listed differences.
        const bool is_needed = folder.empty() && std::string_view(part) == "cur";
        const bool is_missing = !is_needed && OneIn(12);
        if (is_missing) continue;
        items.push_back({MailboxItem::Kind::kDirectory, stem + part, 0, ""});
        const std::uint64_t most = std::string_view(part) == "cur" ? 12 : 4;
        for (std::uint64_t left = Below(most); left > 0; --left)
            items.push_back(AnyMessage(stem + part));
    }
    if (!folder.empty() && !OneIn(4))
        items.push_back({MailboxItem::Kind::kFile, stem + "maildirfolder", 0, ""});
}

inline void MailboxGenerator::AddForeignThings(MailboxItems& items) {
    static const char* const kFiles[] = {"dovecot.index.log",
                                         "dovecot-uidlist",
                                         "dovecot-uidvalidity",
                                         "subscriptions",
                                         "courierimapuiddb",
                                         "maildirsize",
                                         "sieve/main.sieve",
                                         "plain/cur/1.host,S=5",
                                         "README",
                                         "cur.old/1.host",
                                         ".dovecot.sieve",
                                         ".subscriptions",
                                         "new2/x",
                                         "tmp/1.M1P1.left-over",
                                         "tmp/1.M2P1.left-over,S=5",
                                         "dovecot.index.cache",
                                         "dovecot-keywords",
                                         "dovecot-acl",
                                         "courierimapsubscribed",
                                         "courierimapkeywords/x",
                                         ".Sent/dovecot-uidlist",
                                         ".Sent/courierimapacl",
                                         ".Sent/sub/cur/1.host,S=9",
                                         ".Sent/.Inner/cur/1.host,S=9",
                                         "mail/1.host,S=9"};
    for (std::uint64_t left = Below(4); left > 0; --left)
        items.push_back({MailboxItem::Kind::kFile, Any(kFiles), Below(3'000), ""});
    if (OneIn(6) && !items.empty()) {
        const MailboxItem& some = items[Below(items.size())];
        if (some.kind == MailboxItem::Kind::kFile)
            items.push_back({MailboxItem::Kind::kHardLink,
                             "cur/1.M" + std::to_string(++messages_) + ".copy:2,S", 0, some.path});
    }
}

inline MailboxItems MailboxGenerator::Next() {
    MailboxItems items;
    AddFolder(items, "");
    for (std::uint64_t left = Below(5); left > 0; --left) {
        const std::string folder = AnyFolder();
        if (OneIn(10)) {
            items.push_back({MailboxItem::Kind::kDirectory, folder, 0, ""});
        } else {
            AddFolder(items, folder);
        }
    }
    AddForeignThings(items);
    return items;
}

}  // namespace policyd::test
