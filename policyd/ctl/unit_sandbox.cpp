#include "policyd/ctl/unit_sandbox.hpp"

#include <grp.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/endpoint.hpp"
#include "common/config/config_error.hpp"
#include "common/config/expansion.hpp"
#include "common/config/options.hpp"
#include "common/tables/mysql_table.hpp"
#include "common/tables/table_list.hpp"
#include "policyd/ctl/systemd_unit.hpp"
#include "policyd/ctl/table_definition.hpp"
#include "policyd/ctl/unit_files.hpp"
#include "policyd/ctl/unit_user.hpp"

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

class SandboxCheck {
public:
    SandboxCheck(const config::ConfigFile& file, Report& report, const std::string& unit)
        : file_(file),
          settings_(config::Expanded(file.settings)),
          report_(report),
          unit_(unit),
          files_(unit_) {}

    bool IsOfThisConfiguration() const { return unit_.StartsWith(file_.path); }

    void OfServer() {
        for (const config::Option& option : config::Options())
            if (const auto* lists = std::get_if<config::Strings config::Settings::*>(&option.field))
                CheckLists(std::string(option.name), settings_.**lists);
        if (!settings_.quota_warning_command.empty() &&
            files_.RuleFor(settings_.quota_warning_command).access == Access::kHidden)
            report_.Warning(DoesNotSee("quota_warning_command", settings_.quota_warning_command));
        for (const std::string& endpoint : settings_.listen) CheckListener("listen", endpoint);
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
        CheckWritten("log_destination", After("file:", settings_.log_destination));
        CheckWritten("usage_store", After("sqlite:", settings_.usage_store));
        CheckConnected("usage_store", After("redis:unix:", settings_.usage_store));
        if (!settings_.redis_password_file.empty())
            CheckRead("redis_password_file", settings_.redis_password_file);
    }

    /// "policyd.toml:12: usage_store: policyd.service " and what is wrong.
    std::string At(const std::string& option, const std::string& message) const {
        const std::string what = option + ": " + unit_.Name() + ".service " + message;
        return config::ConfigError(file_.path, file_.LineOf(option), what).what();
    }

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
        if (name.starts_with("inline:")) return;
        const std::string path = name.substr(name.find(':') + 1);
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
        if (files_.RuleFor(path).access != Access::kHidden) return true;
        if (told_.insert(path).second) report_.Error(DoesNotSee(option, path));
        return false;
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
        CheckWritten(option, After("unix:", endpoint));
    }

    void CheckConnected(const std::string& option, const std::string& socket) {
        if (socket.empty()) return;
        if (files_.RuleFor(socket).access == Access::kHidden) {
            report_.Warning(DoesNotSee(option, socket));
        } else if (ConnectAsUserOf(unit_, socket) == EACCES) {
            report_.Warning(At(option, "may not connect to " + socket + WhoMay(socket)));
        }
    }

    /// ", as its group redis may: usermod -aG redis policyd, and restart it".
    std::string WhoMay(const std::string& socket) const {
        struct stat status {};
        if (stat(socket.c_str(), &status) != 0 || (status.st_mode & S_IWGRP) == 0) return "";
        const group* const group = getgrgid(status.st_gid);
        if (group == nullptr) return "";
        const std::string name = group->gr_name;
        return ", as the group " + name + " may: usermod -aG " + name + ' ' +
               unit_.Property("User") + ", and restart it";
    }

    const config::ConfigFile& file_;
    const config::Settings settings_;
    Report& report_;
    const SystemdUnit unit_;
    const UnitFiles files_;
    std::set<std::string> told_;  // files of tables: several tables may have the same
};

}  // namespace

void CheckUnitSandbox(const config::ConfigFile& file, Report& report) {
    SandboxCheck server(file, report, "policyd");
    if (server.IsOfThisConfiguration()) server.OfServer();
    SandboxCheck scanner(file, report, "policyd-scan");
    if (scanner.IsOfThisConfiguration()) scanner.OfScanner();
}

}  // namespace policyd::ctl
