#include "tests/support/postfix_instance.hpp"

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace policyd::test {

namespace {

constexpr uid_t kMailUser = 65534;
constexpr gid_t kMailGroup = 65534;

/// What sets the private instance apart from the installed one, and what tests want of it.
PostfixInstance::Parameters Defaults(const std::filesystem::path& directory) {
    const std::string here = directory.string();
    return {
        {"compatibility_level", "3.6"},
        {"queue_directory", here + "/queue"},
        {"data_directory", here + "/data"},
        {"maillog_file", here + "/log/mail.log"},
        {"maillog_file_prefixes", here},
        {"myhostname", "mx.lab.test"},
        {"mydestination", "$myhostname, localhost"},
        {"inet_interfaces", "127.0.0.1"},
        {"inet_protocols", "ipv4"},
        {"mynetworks", "192.0.2.254"},
        {"alias_maps", ""},
        {"alias_database", ""},
        {"virtual_mailbox_base", here + "/mail"},
        {"virtual_uid_maps", "static:" + std::to_string(kMailUser)},
        {"virtual_gid_maps", "static:" + std::to_string(kMailGroup)},
        {"mailbox_size_limit", "0"},
        {"virtual_mailbox_limit", "0"},
        {"message_size_limit", "0"},
        {"smtpd_authorized_xclient_hosts", "127.0.0.0/8"},
        {"smtpd_peername_lookup", "no"},
        {"smtpd_error_sleep_time", "0"},
        {"smtpd_soft_error_limit", "1000000"},
        {"smtpd_hard_error_limit", "1000000"},
        {"smtpd_junk_command_limit", "1000000"},
        {"smtpd_recipient_overshoot_limit", "1000000"},
        {"smtpd_client_connection_count_limit", "0"},
        {"smtp_tls_security_level", "none"},
        {"in_flow_delay", "0"},
        {"biff", "no"},
        {"soft_bounce", "no"},
    };
}

std::vector<std::string> DefaultServices(int port) {
    std::vector<std::string> lines{
        "127.0.0.1:" + std::to_string(port) + " inet n - n - - smtpd",
        "postlog unix-dgram n - n - 1 postlogd",
        "pickup unix n - n 1 1 pickup",
        "qmgr unix n - n 300 1 qmgr",
        "cleanup unix n - n - 0 cleanup",
        "rewrite unix - - n - - trivial-rewrite",
        "showq unix n - n - - showq",
        "flush unix n - n 1000? 0 flush",
        "proxywrite unix - - n - 1 proxymap",
        "virtual unix - n n - - virtual",
        "error unix - - n - - error",
        "retry unix - - n - - error",
        "verify unix - - n - 1 verify",
        "tlsmgr unix - - n 1000? 1 tlsmgr",
    };
    for (const char* name : {"bounce", "defer", "trace"})
        lines.push_back(std::string(name) + " unix - - n - 0 bounce");
    for (const char* name : {"proxymap", "anvil", "scache"})
        lines.push_back(std::string(name) + " unix - - n - - " + name);
    for (const char* name : {"smtp", "relay", "lmtp", "local", "uucp", "discard"})
        lines.push_back(std::string(name) + " unix - - n - - discard");
    return lines;
}

/// The name and type of a service: the first two words of its line.
std::string ServiceKey(const std::string& line) {
    const std::size_t name = line.find_first_of(" \t");
    const std::size_t type = line.find_first_not_of(" \t", name);
    return line.substr(0, name) + ' ' + line.substr(type, line.find_first_of(" \t", type) - type);
}

/// The ports of 127.0.0.1 on which the services listen.
std::vector<int> Ports(const std::vector<std::string>& services) {
    const std::string host = "127.0.0.1:";
    std::vector<int> ports;
    for (const std::string& line : services) {
        if (line.starts_with(host)) ports.push_back(std::stoi(line.substr(host.size())));
    }
    return ports;
}

void MakeDirectory(const std::filesystem::path& path, mode_t mode, uid_t owner, gid_t group) {
    std::filesystem::create_directories(path);
    if (chown(path.c_str(), owner, group) != 0 || chmod(path.c_str(), mode) != 0)
        throw std::runtime_error("cannot prepare " + path.string() + " (root is needed)");
}

/// The queue as `postfix set-permissions` makes it.
void MakeQueue(const std::filesystem::path& queue) {
    const passwd* postfix = getpwnam("postfix");
    const group* postdrop = getgrnam("postdrop");
    if (postfix == nullptr || postdrop == nullptr)
        throw std::runtime_error("Postfix is not installed: no user postfix or group postdrop");
    const uid_t owner = postfix->pw_uid;
    MakeDirectory(queue, 0755, 0, 0);
    MakeDirectory(queue / "pid", 0755, 0, 0);
    for (const char* name : {"active", "bounce", "corrupt", "defer", "deferred", "flush", "hold",
                             "incoming", "private", "saved", "trace"})
        MakeDirectory(queue / name, 0700, owner, 0);
    MakeDirectory(queue / "maildrop", 0730, owner, postdrop->gr_gid);
    MakeDirectory(queue / "public", 0710, owner, postdrop->gr_gid);
    MakeDirectory(queue.parent_path() / "data", 0700, owner, postfix->pw_gid);
}

std::size_t FilesBelow(const std::filesystem::path& directory) {
    std::size_t files = 0;
    std::error_code gone;  // a queue file may vanish at any moment
    for (std::filesystem::recursive_directory_iterator entry(directory, gone), end;
         !gone && entry != end; entry.increment(gone)) {
        std::error_code ignored;
        if (entry->is_regular_file(ignored)) ++files;
    }
    return files;
}

}  // namespace

void MakeLookSettled(const std::filesystem::path& path) {
    const auto before = std::filesystem::file_time_type::clock::now() - std::chrono::minutes(1);
    if (!std::filesystem::is_directory(path)) {
        std::filesystem::last_write_time(path, before);
        return;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
        if (entry.is_regular_file()) std::filesystem::last_write_time(entry.path(), before);
    }
}

PostfixInstance::PostfixInstance(const Parameters& parameters, std::vector<std::string> services)
    : port_(FreePort()), parameters_(Defaults(scratch_.Path())), services_(DefaultServices(port_)) {
    for (const auto& [name, value] : parameters) parameters_[name] = value;
    for (std::string& line : services) {
        const std::string key = ServiceKey(line);
        std::erase_if(services_, [&key](const auto& other) { return ServiceKey(other) == key; });
        services_.push_back(std::move(line));
    }
    MakeQueue(scratch_ / "queue");
    MakeDirectory(scratch_ / "log", 0755, 0, 0);
    MakeDirectory(MailStore(), 0755, kMailUser, kMailGroup);
    Start();
}

PostfixInstance::~PostfixInstance() {
    Stop();
}

void PostfixInstance::Start() {
    WriteConfiguration();
    std::filesystem::remove(scratch_ / "log/mail.log");
    master_ =
        std::make_unique<Process>(std::vector<std::string>{"/usr/lib/postfix/sbin/master", "-d",
                                                           "-c", (scratch_ / "etc").string()},
                                  Process::Options{.output = scratch_ / "log/master.out"});
    WaitUntil(
        "Postfix to listen",
        [this] {
            if (!master_->IsRunning())
                throw std::runtime_error("Postfix did not start:\n" + Log() +
                                         ReadFile(scratch_ / "log/master.out"));
            // The master opens one service after the other.
            const std::vector<int> ports = Ports(services_);
            return std::all_of(ports.begin(), ports.end(),
                               [](int port) { return CanConnect(port); });
        },
        scratch_ / "log/mail.log");
}

void PostfixInstance::Stop() {
    if (!master_) return;
    master_->Signal(SIGTERM);
    master_->Wait();
    master_.reset();  // kills the whole group if it did not end
}

std::string PostfixInstance::Log() const {
    const auto file = scratch_ / "log/mail.log";
    return std::filesystem::exists(file) ? ReadFile(file) : "";
}

void PostfixInstance::WaitForLog(const std::string& text) const {
    WaitUntil(
        "\"" + text + "\" in the mail log", [&] { return Log().find(text) != std::string::npos; },
        scratch_ / "log/mail.log");
}

void PostfixInstance::WaitUntilIdle() const {
    // Messages move from maildrop to incoming to active, which is the order of looking; a bounce
    // is born in incoming while its message is still in active, hence the second look.
    const auto is_empty = [this] {
        return FilesBelow(scratch_ / "queue/maildrop") == 0 &&
               FilesBelow(scratch_ / "queue/incoming") == 0 &&
               FilesBelow(scratch_ / "queue/active") == 0;
    };
    WaitUntil(
        "an empty mail queue", [&] { return is_empty() && is_empty(); }, scratch_ / "log/mail.log",
        std::chrono::seconds(120));
}

std::size_t PostfixInstance::DeferredMessages() const {
    return FilesBelow(scratch_ / "queue/deferred");
}

Finished PostfixInstance::Command(std::vector<std::string> arguments,
                                  const std::string& input) const {
    const std::string configuration = (scratch_ / "etc").string();
    const bool is_sendmail = arguments.at(0) == "sendmail";
    arguments.insert(arguments.begin() + 1, {is_sendmail ? "-C" : "-c", configuration});
    arguments[0] = "/usr/sbin/" + arguments[0];
    return Run(std::move(arguments), input);
}

void PostfixInstance::WriteConfiguration() const {
    std::string main_cf;
    for (const auto& [name, value] : parameters_) main_cf += name + " = " + value + '\n';
    MakeLookSettled(scratch_.Write("etc/main.cf", main_cf));
    std::string master_cf;
    for (const std::string& line : services_) master_cf += line + '\n';
    scratch_.Write("etc/master.cf", master_cf);
}

}  // namespace policyd::test
