#include "policyd/ctl/unit_files.hpp"

#include <algorithm>
#include <utility>

namespace policyd::ctl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHomes[] = {"/home", "/root", "/run/user"};

/// Symbolic links lead into what is hidden, too.
fs::path RealPath(const fs::path& path) {
    std::error_code error;
    fs::path real = fs::weakly_canonical(path, error);
    return error ? path : real;
}

bool IsBelow(const fs::path& path, const fs::path& directory) {
    return std::mismatch(directory.begin(), directory.end(), path.begin(), path.end()).first ==
           directory.end();
}

/// Where "/source:/destination:rbind" is seen.
std::string Destination(const std::string& bind) {
    const std::size_t colon = bind.find(':');
    if (colon == bind.npos) return bind;
    return bind.substr(colon + 1, bind.find(':', colon + 1) - colon - 1);
}

}  // namespace

UnitFiles::UnitFiles(const SystemdUnit& unit) {
    const std::string system = unit.Property("ProtectSystem");
    if (system == "strict") {
        Add("/", Access::kReadOnly, "ProtectSystem=strict");
        for (const char* interface : {"/dev", "/proc", "/sys"})
            Add(interface, Access::kWritable, "");
    } else if (system == "yes" || system == "full") {
        for (const char* directory : {"/usr", "/boot", "/efi"})
            Add(directory, Access::kReadOnly, "ProtectSystem=" + system);
        if (system == "full") Add("/etc", Access::kReadOnly, "ProtectSystem=full");
    }
    const std::string home = unit.Property("ProtectHome");
    const std::string home_setting = "ProtectHome=" + home;
    for (const char* directory : kHomes) {
        if (home == "read-only") Add(directory, Access::kReadOnly, home_setting);
        if (home == "tmpfs") Add(directory, Access::kHidden, home_setting);
    }
    if (unit.Property("PrivateTmp") == "yes")
        for (const char* directory : {"/tmp", "/var/tmp"})
            Add(directory, Access::kHidden, "PrivateTmp=yes");
    AddLists(unit);
    if (home != "yes") return;
    // Nothing that is named below them is seen all the same.
    for (const char* directory : kHomes) {
        std::erase_if(rules_, [&](const auto& rule) { return IsBelow(rule.first, directory); });
        Add(directory, Access::kHidden, home_setting);
    }
}

void UnitFiles::AddLists(const SystemdUnit& unit) {
    constexpr std::pair<const char*, Access> kLists[] = {
        {"TemporaryFileSystem", Access::kHidden},
        {"ReadOnlyPaths", Access::kReadOnly},
        {"ReadWritePaths", Access::kWritable},
        {"InaccessiblePaths", Access::kHidden},
    };
    for (const auto& [property, access] : kLists)
        for (const std::string& path : unit.List(property))
            Add(path.substr(0, path.find(':')), access, property);
    for (const std::string& bind : unit.List("BindReadOnlyPaths"))
        Add(Destination(bind), Access::kReadOnly, "BindReadOnlyPaths");
    for (const std::string& bind : unit.List("BindPaths"))
        Add(Destination(bind), Access::kWritable, "BindPaths");
    constexpr std::pair<const char*, const char*> kDirectories[] = {
        {"StateDirectory", "/var/lib/"},
        {"LogsDirectory", "/var/log/"},
        {"CacheDirectory", "/var/cache/"},
        {"RuntimeDirectory", "/run/"},
    };
    for (const auto& [property, parent] : kDirectories)
        for (const std::string& name : unit.List(property))
            Add(parent + name, Access::kWritable, property);
}

void UnitFiles::Add(const std::string& path, Access access, const std::string& setting) {
    rules_.insert_or_assign(RealPath(path), Rule{access, setting});
}

UnitFiles::Rule UnitFiles::RuleFor(const fs::path& path) const {
    for (fs::path above = RealPath(path); above.has_relative_path(); above = above.parent_path())
        if (const auto rule = rules_.find(above); rule != rules_.end()) return rule->second;
    const auto root = rules_.find("/");
    return root == rules_.end() ? Rule() : root->second;
}

}  // namespace policyd::ctl
