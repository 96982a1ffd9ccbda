#include "loadtest/process_usage.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

#include "common/text/ascii.hpp"

namespace policyd::loadtest {

namespace {

struct Stat {
    int parent = 0;
    double cpu_s = 0;
    std::uint64_t rss = 0;
};

double SecondsOf(std::uint64_t ticks) {
    static const auto per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
    return static_cast<double>(ticks) / per_second;
}

/// proc(5), /proc/PID/stat: the name of the program stands in parentheses and may hold anything.
std::optional<Stat> ReadStat(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(file, line)) return std::nullopt;
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string state;
    std::string skipped;
    Stat stat;
    fields >> state >> stat.parent;
    if (state == "Z") return std::nullopt;
    for (int field = 5; field <= 13; ++field) fields >> skipped;
    std::uint64_t ticks = 0;
    for (int field = 14; field <= 17; ++field) {  // utime, stime, cutime, cstime
        std::uint64_t some = 0;
        fields >> some;
        ticks += some;
    }
    for (int field = 18; field <= 23; ++field) fields >> skipped;
    std::uint64_t pages = 0;
    fields >> pages;
    stat.cpu_s = SecondsOf(ticks);
    stat.rss = pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    return stat;
}

std::uint64_t ReadPss(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
    for (std::string word; file >> word;) {
        std::uint64_t kilobytes = 0;
        if (word == "Pss:" && file >> kilobytes) return kilobytes * 1024;
    }
    return 0;
}

std::map<int, Stat> AllProcesses() {
    std::map<int, Stat> processes;
    DIR* directory = opendir("/proc");
    if (directory == nullptr) return processes;
    while (const dirent* entry = readdir(directory)) {
        const auto pid = text::ParseUnsigned(entry->d_name);
        if (!pid) continue;
        if (const auto stat = ReadStat(static_cast<int>(*pid)))
            processes.emplace(static_cast<int>(*pid), *stat);
    }
    closedir(directory);
    return processes;
}

std::set<int> WithDescendants(const std::vector<int>& pids, const std::map<int, Stat>& processes) {
    std::set<int> family(pids.begin(), pids.end());
    for (bool grew = true; grew;) {
        grew = false;
        for (const auto& [pid, stat] : processes)
            if (family.contains(stat.parent)) grew |= family.insert(pid).second;
    }
    return family;
}

}  // namespace

ProcessUsage UsageOf(const std::vector<int>& pids) {
    ProcessUsage usage;
    if (pids.empty()) return usage;
    const std::map<int, Stat> processes = AllProcesses();
    for (const int pid : pids)
        if (!processes.contains(pid))
            throw std::runtime_error("no process " + std::to_string(pid) + " is running");
    for (const int pid : WithDescendants(pids, processes)) {
        const Stat& stat = processes.at(pid);
        usage.cpu_s += stat.cpu_s;
        usage.rss += stat.rss;
        usage.pss += ReadPss(pid);
        ++usage.processes;
    }
    return usage;
}

MachineUsage UsageOfMachine() {
    MachineUsage usage;
    std::ifstream file("/proc/stat");
    std::string name;
    std::uint64_t user = 0;
    std::uint64_t nice = 0;
    std::uint64_t system = 0;
    file >> name >> user >> nice >> system;
    usage.busy_s = SecondsOf(user + nice + system);
    rusage own{};
    getrusage(RUSAGE_SELF, &own);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    usage.own_s = seconds(own.ru_utime) + seconds(own.ru_stime);
    return usage;
}

}  // namespace policyd::loadtest
