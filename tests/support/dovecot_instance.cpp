#include "tests/support/dovecot_instance.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace policyd::test {

namespace fs = std::filesystem;

namespace {

constexpr uid_t kNobody = 65534;

/// Dovecot refuses to read mail as root.
uid_t MailUser() {
    return geteuid() == 0 ? kNobody : geteuid();
}
gid_t MailGroup() {
    return geteuid() == 0 ? kNobody : getegid();
}

std::string UserName() {
    return geteuid() == 0 ? "root" : std::to_string(geteuid());
}

std::string Configuration(const fs::path& scratch, const fs::path& mail_root) {
    std::ostringstream text;
    text << "base_dir = " << (scratch / "run").string() << "\n"
         << "state_dir = " << (scratch / "run").string() << "\n"
         << "log_path = " << (scratch / "dovecot.log").string() << "\n"
         << "protocols =\n"
         << "ssl = no\n"
         << "default_internal_user = " << UserName() << "\n"
         << "default_internal_group = " << UserName() << "\n"
         << "default_login_user = " << UserName() << "\n"
         << "first_valid_uid = 1\n"
         << "first_valid_gid = 1\n"
         << "mail_uid = " << MailUser() << "\n"
         << "mail_gid = " << MailGroup() << "\n"
         << "mail_location = maildir:" << mail_root.string()
         << "/%d/%n:CONTROL=" << (scratch / "control").string() << "/%d/%n:INDEX=MEMORY\n"
         << "mail_plugins = quota\n"
         << "namespace inbox {\n  inbox = yes\n}\n"
         << "plugin {\n  quota = maildir:User quota\n  quota_rule = *:storage=1T\n}\n"
         << "userdb {\n  driver = passwd-file\n  args = username_format=%u "
         << (scratch / "users").string() << "\n}\n"
         << "passdb {\n  driver = passwd-file\n  args = username_format=%u "
         << (scratch / "users").string() << "\n}\n"
         << "service anvil {\n  chroot =\n}\n";
    return text.str();
}

/// Only what is not the mail user's yet: giving it away leaves a change time, which would show
/// scanners a change where they are to find one by themselves.
void GiveAway(const fs::path& path) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0 || status.st_uid == MailUser()) return;
    if (lchown(path.c_str(), MailUser(), MailGroup()) != 0)
        throw std::runtime_error("cannot give away " + path.string());
}

std::vector<std::string> SplitAtTabs(const std::string& line) {
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, '\t');) fields.push_back(field);
    return fields;
}

}  // namespace

DovecotInstance::DovecotInstance(const fs::path& mail_root, const std::vector<std::string>& users)
    : mail_root_(mail_root), users_(users) {
    std::string entries;
    for (const std::string& user : users) entries += user + ":{plain}x::::/nonexistent::\n";
    scratch_.Write("users", entries);
    scratch_.Write("dovecot.conf", Configuration(scratch_.Path(), mail_root));
    fs::create_directory(scratch_ / "run");
    fs::create_directory(scratch_ / "control");
    process_.emplace(std::vector<std::string>{"dovecot", "-F", "-c", scratch_ / "dovecot.conf"},
                     Process::Options{scratch_ / "output"});
    WaitUntil(
        "Dovecot's user database", [this] { return CanConnect(scratch_ / "run/auth-userdb"); },
        scratch_ / "dovecot.log");
}

DovecotInstance::~DovecotInstance() {
    if (!process_ || !process_->IsRunning()) return;
    process_->Signal(SIGTERM);
    process_->Wait();
}

void DovecotInstance::TakeOver() const {
    for (const fs::path& root : {mail_root_, scratch_ / "control"}) {
        GiveAway(root);
        for (const fs::directory_entry& entry :
             fs::recursive_directory_iterator(root, fs::directory_options::skip_permission_denied))
            GiveAway(entry.path());
    }
}

std::map<std::string, std::optional<DovecotInstance::Quota>> DovecotInstance::Recalculate() const {
    TakeOver();
    ForgetFigures();
    // It goes on with the next user when it fails for one.
    Doveadm({"quota", "recalc", "-A"});
    std::map<std::string, std::optional<Quota>> figures;
    for (const std::string& user : users_) figures[user] = WrittenDown(user);

    std::istringstream told(Doveadm({"-f", "tab", "quota", "get", "-A"}).output);
    for (std::string line; std::getline(told, line);) {
        const std::vector<std::string> fields = SplitAtTabs(line);
        if (fields.size() < 4 || !figures.contains(fields[0]) || !figures[fields[0]]) continue;
        const Quota& quota = *figures[fields[0]];
        const std::uint64_t expected =
            fields[2] == "STORAGE" ? (quota.bytes + 1023) / 1024 : quota.messages;
        if (fields[3] != std::to_string(expected))
            throw std::runtime_error("doveadm quota get says of " + fields[0] + " " + fields[2] +
                                     " " + fields[3] + ", its maildirsize " +
                                     std::to_string(expected));
    }
    return figures;
}

std::optional<DovecotInstance::Quota> DovecotInstance::Recalculate(const std::string& user) const {
    TakeOver();
    fs::remove(ControlDirectory(user) / "maildirsize");
    if (Doveadm({"quota", "recalc", "-u", user}).status != 0) return std::nullopt;
    return WrittenDown(user);
}

std::string DovecotInstance::Version() {
    const std::string output = Run({"dovecot", "--version"}).output;
    return output.substr(0, output.find(' '));
}

Finished DovecotInstance::Doveadm(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"doveadm", "-c", scratch_ / "dovecot.conf"});
    return Run(std::move(arguments), "", std::chrono::minutes(10));
}

fs::path DovecotInstance::ControlDirectory(const std::string& user) const {
    const std::size_t at = user.rfind('@');
    return scratch_ / "control" / user.substr(at + 1) / user.substr(0, at);
}

/// maildirsize: a line with the limits, then "<bytes> <messages>" of the recalculation, and
/// nothing else as long as nothing is delivered.
std::optional<DovecotInstance::Quota> DovecotInstance::WrittenDown(const std::string& user) const {
    std::ifstream file(ControlDirectory(user) / "maildirsize");
    std::string limits;
    Quota quota;
    if (!std::getline(file, limits) || !(file >> quota.bytes >> quota.messages))
        return std::nullopt;
    return quota;
}

void DovecotInstance::ForgetFigures() const {
    for (const std::string& user : users_) fs::remove(ControlDirectory(user) / "maildirsize");
}

}  // namespace policyd::test
