#include "policyd/ctl/daemon_access.hpp"

#include <grp.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/endpoint.hpp"
#include "common/config/config_error.hpp"
#include "common/config/expansion.hpp"
#include "common/config/options.hpp"
#include "common/tables/mysql_table.hpp"
#include "common/tables/rules_text.hpp"
#include "common/tables/table_list.hpp"
#include "policyd/ctl/daemon_user.hpp"
#include "policyd/ctl/systemd_unit.hpp"
#include "policyd/ctl/table_definition.hpp"
#include "policyd/ctl/unit_files.hpp"

namespace policyd::ctl {
namespace {

namespace fs = std::filesystem;
using Access = UnitFiles::Access;

/// Empty where the value is of another kind.
std::string After(std::string_view kind, std::string_view value) {
    return value.starts_with(kind) ? std::string(value.substr(kind.size())) : std::string();
}

/// The format of a data base's file says so, sqlite.org/fileformat2.html.
bool IsInWalMode(const std::string& database) {
    constexpr std::streamoff kReadVersion = 19;
    constexpr char kWal = 2;
    std::ifstream file(database, std::ios::binary);
    file.seekg(kReadVersion);
    return file.get() == kWal;
}

std::string NameOf(gid_t id) {
    const group* const found = getgrgid(id);
    return found == nullptr ? std::to_string(id) : found->gr_name;
}

class AccessCheck {
public:
    AccessCheck(const config::ConfigFile& file, Report& report, const std::string& daemon)
        : file_(file),
          settings_(config::Expanded(file.settings)),
          report_(report),
          unit_(daemon),
          has_unit_(unit_.StartsWith(file_.path)),
          files_(has_unit_ ? UnitFiles(unit_) : UnitFiles()),
          user_(has_unit_ ? DaemonUser::OfUnit(unit_)
                          : DaemonUser::OfInitScript(daemon, file_.path)) {}

    void OfServer() {
        becomes_user_ = !user_ && unit_.Property("User").empty();
        if (becomes_user_) user_ = DaemonUser::Named(settings_.user);
        for (const config::Option& option : config::Options())
            if (IsTableList(option) || IsDomainList(option))
                CheckLists(std::string(option.name),
                           settings_.*std::get<config::Strings config::Settings::*>(option.field));
        if (!settings_.quota_warning_command.empty() &&
            files_.RuleFor(settings_.quota_warning_command).access == Access::kHidden)
            report_.Warning(DoesNotSee("quota_warning_command", settings_.quota_warning_command));
        // Those that systemd passes it are made by that.
        for (const std::string& endpoint : settings_.listen) {
            if (has_unit_ && !unit_.Property("TriggeredBy").empty()) break;
            CheckListener("listen", endpoint);
            CheckSocketGroup(After("unix:", endpoint));
        }
        CheckListener("metrics_listen", settings_.metrics_listen);
        CheckListener("control_socket", settings_.control_socket);
        OfBoth();
    }

    void OfScanner() {
        if (settings_.usage_source != "dovecot") {
            CheckWritten("scan_state_file", settings_.scan_state_file);
            CheckWritten("scan_metrics_file", settings_.scan_metrics_file);
            if (files_.RuleFor(settings_.virtual_mailbox_base).access == Access::kHidden)
                report_.Warning(DoesNotSee("virtual_mailbox_base", settings_.virtual_mailbox_base));
        }
        if (settings_.usage_source != "scan")
            CheckConnected("dovecot_quota_clone",
                           After("redis:unix:", settings_.dovecot_quota_clone));
        OfBoth();
    }

private:
    void OfBoth() {
        CheckRead("", fs::absolute(file_.path));
        CheckWritten("log_destination", After("file:", settings_.log_destination));
        CheckWritten("usage_store", After("sqlite:", settings_.usage_store));
        CheckConnected("usage_store", After("redis:unix:", settings_.usage_store));
        if (!settings_.redis_password_file.empty())
            CheckRead("redis_password_file", settings_.redis_password_file);
    }

    /// "policyd.toml:12: usage_store: policyd.service " and what is wrong.
    std::string At(const std::string& option, const std::string& message) const {
        const std::string what = (option.empty() ? "" : option + ": ") + unit_.Name() +
                                 (has_unit_ ? ".service " : " ") + message;
        return config::ConfigError(file_.path, file_.LineOf(option), what).what();
    }

    std::string AsTheUser() const { return "as the user " + user_->Name(); }

    std::string Edit() const { return "(systemctl edit " + unit_.Name() + ')'; }

    std::string DoesNotSee(const std::string& option, const std::string& path) const {
        return At(option, "does not see " + path + ": " + files_.RuleFor(path).setting +
                              " hides it: move it, or change that " + Edit());
    }

    void CheckLists(const std::string& option, const config::Strings& lists) {
        for (const std::string& list : lists)
            for (const std::string& element : tables::SplitTableList(list))
                if (element.starts_with('/')) CheckRead(option, element);
        for (const TableDefinition& table : DefinitionsOf(lists)) CheckTable(option, table.name);
    }

    void CheckTable(const std::string& option, const std::string& name) {
        const std::string path = name.substr(name.find(':') + 1);
        if (name.starts_with("inline:") || name.starts_with("static:") ||
            tables::IsInlineRules(path))
            return;
        if (!CheckRead(option, path)) return;
        const tables::WarningSink nobody = [](const std::string&) {};
        try {
            if (name.starts_with("sqlite:"))
                CheckDatabase(option, tables::TableFile(path, nobody).Text("dbpath"));
            if (name.starts_with("mysql:"))
                for (const mysql::Server& server :
                     tables::ReadAccount(tables::TableFile(path, nobody),
                                         settings_.mysql_time_limit, nobody)
                         .servers)
                    CheckConnected(option, server.socket);
        } catch (const config::ConfigError&) {
            // CheckBackEnds reports it
        }
    }

    /// Without a table or a password nothing starts.
    bool CheckRead(const std::string& option, const std::string& path) {
        const bool is_hidden = files_.RuleFor(path).access == Access::kHidden;
        if (!is_hidden && (!user_ || user_->Read(path) != EACCES)) return true;
        if (!told_.insert(path).second) return false;
        if (is_hidden) {
            report_.Error(DoesNotSee(option, path));
        } else if (becomes_user_) {  // what it starts with it has read as root
            report_.Warning(At(option, "may not read " + path + ' ' + AsTheUser() +
                                           " at a reload: " + LetRead(path)));
        } else {
            report_.Error(
                At(option, "may not read " + path + ' ' + AsTheUser() + ": " + LetRead(path)));
        }
        return false;
    }

    /// "chgrp policyd /path && chmod g+r /path".
    std::string LetRead(const fs::path& path) const {
        for (fs::path above = "/"; const fs::path& name : path.parent_path()) {
            above /= name;
            if (user_->Enter(above) == EACCES) return "chmod o+x " + above.string();
        }
        struct stat file {};
        if (stat(path.c_str(), &file) != 0) return "";
        const bool group_may = (file.st_mode & S_IRGRP) != 0;
        if (group_may && file.st_gid != 0 && !user_->IsIn(file.st_gid)) return Join(file.st_gid);
        const std::string change_mode = "chmod g+r " + path.string();
        if (user_->IsIn(file.st_gid)) return change_mode;
        const std::string change_group = "chgrp " + GroupFor(path) + ' ' + path.string();
        return group_may ? change_group : change_group + " && " + change_mode;
    }

    /// What is Postfix's own it goes on reading.
    std::string GroupFor(const fs::path& path) const {
        constexpr const char* kPostfix = "postfix";
        const group* const postfix = getgrnam(kPostfix);
        if (path.parent_path() == "/etc/postfix" && postfix != nullptr &&
            user_->IsIn(postfix->gr_gid))
            return kPostfix;
        return NameOf(user_->Group());
    }

    std::string Join(gid_t group) const {
        return "usermod -aG " + NameOf(group) + ' ' + user_->Name() + ", and restart it";
    }

    /// Who reads in this mode writes beside the file, unless somebody else has it open.
    void CheckDatabase(const std::string& option, const std::string& path) {
        if (!CheckRead(option, path) || !IsInWalMode(path) ||
            files_.RuleFor(fs::path(path).parent_path()).access == Access::kWritable ||
            !told_.insert(path).second)
            return;
        report_.Warning(
            At(option, "may not write beside " + path +
                           ", which is in WAL mode: it can be read only while its "
                           "-shm and -wal are there: PRAGMA journal_mode = DELETE, or " +
                           MakeWritable(path)));
    }

    std::string MakeWritable(const std::string& path) const {
        return "ReadWritePaths=" + fs::path(path).parent_path().string() + ' ' + Edit();
    }

    void CheckWritten(const std::string& option, const std::string& path) {
        // What /dev/stdout is depends on who starts it.
        if (path.empty() || path.starts_with("/dev/") || path.starts_with("/proc/")) return;
        const UnitFiles::Rule rule = files_.RuleFor(path);
        if (rule.access == Access::kHidden) report_.Warning(DoesNotSee(option, path));
        if (rule.access == Access::kReadOnly)
            report_.Warning(At(option, "may not write " + path + " by " + rule.setting + ": add " +
                                           MakeWritable(path)));
    }

    void CheckListener(const std::string& option, const std::string& endpoint) {
        const fs::path path = After("unix:", endpoint);
        CheckWritten(option, path);
        const fs::path directory = path.parent_path();
        if (directory.empty() || !user_ || becomes_user_ || IsMadeAtStart(directory) ||
            user_->MakeFileIn(directory) != EACCES)
            return;
        report_.Warning(At(option, "may not make " + path.string() + ' ' + AsTheUser() +
                                       ": listen in a directory that it may write, such as "
                                       "/var/spool/postfix/policyd"));
    }

    bool IsMadeAtStart(const fs::path& directory) const {
        if (has_unit_) return files_.RuleFor(directory).setting == "RuntimeDirectory";
        return directory == "/run/policyd" || directory == "/var/spool/postfix/policyd";
    }

    /// Only a member may give a file to a group, unless its directory has done so.
    void CheckSocketGroup(const fs::path& path) {
        const group* const wanted = getgrnam(settings_.unix_socket_group.c_str());
        struct stat directory {};
        if (path.empty() || !user_ || becomes_user_ || wanted == nullptr ||
            user_->IsIn(wanted->gr_gid))
            return;
        if (stat(path.parent_path().c_str(), &directory) == 0 &&
            (directory.st_mode & S_ISGID) != 0 && directory.st_gid == wanted->gr_gid)
            return;
        report_.Warning(At("unix_socket_group", "may not give a socket to the group " +
                                                    settings_.unix_socket_group + ' ' +
                                                    AsTheUser() + ": " + Join(wanted->gr_gid)));
    }

    void CheckConnected(const std::string& option, const std::string& socket) {
        if (socket.empty()) return;
        if (files_.RuleFor(socket).access == Access::kHidden) {
            report_.Warning(DoesNotSee(option, socket));
        } else if (user_ && user_->Connect(socket) == EACCES) {
            report_.Warning(At(option, "may not connect to " + socket + WhoMay(socket)));
        }
    }

    /// ", as its group redis may: usermod -aG redis policyd, and restart it".
    std::string WhoMay(const std::string& socket) const {
        struct stat status {};
        if (stat(socket.c_str(), &status) != 0 || (status.st_mode & S_IWGRP) == 0) return "";
        return ", as the group " + NameOf(status.st_gid) + " may: " + Join(status.st_gid);
    }

    const config::ConfigFile& file_;
    const config::Settings settings_;
    Report& report_;
    const SystemdUnit unit_;
    const bool has_unit_;  // else its properties are those of another configuration
    const UnitFiles files_;
    std::optional<DaemonUser> user_;
    bool becomes_user_ = false;   // by the option, once its sockets are open
    std::set<std::string> told_;  // files of tables: several tables may have the same
};

}  // namespace

void CheckDaemonAccess(const config::ConfigFile& file, Report& report) {
    AccessCheck(file, report, "policyd").OfServer();
    AccessCheck(file, report, "policyd-scan").OfScanner();
}

}  // namespace policyd::ctl
