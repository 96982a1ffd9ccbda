#pragma once

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/config/settings.hpp"
#include "common/usage/open_usage_store.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/plain_recount.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

using Figures = std::map<std::string, RecountedMailbox>;

inline std::string Text(const Figures& figures) {
    std::string text;
    for (const auto& [mailbox, usage] : figures)
        text += "  " + mailbox + ": " + std::to_string(usage.bytes) + " bytes, " +
                std::to_string(usage.messages) + " messages\n";
    return text;
}

/// policyd-scan as a process of its own, on a store that a test disturbs.
class ScanDaemon {
public:
    /// `more` are further lines of the configuration.
    ScanDaemon(const std::filesystem::path& scratch, const std::string& live,
               const std::string& interval, const std::string& more = "", int threads = 2,
               const std::string& usage_store = "")
        : scratch_(scratch) {
        settings_.usage_store =
            usage_store.empty() ? "sqlite:" + (scratch / "usage.sqlite").string() : usage_store;
        std::ofstream config(scratch / "policyd.toml");
        config << "virtual_mailbox_base = \"" << (scratch / "mail").string() << "\"\n"
               << "usage_store = \"" << settings_.usage_store << "\"\n"
               << "scan_state_file = \"" << (scratch / "scan.state").string() << "\"\n"
               << "scan_live = \"" << live << "\"\n"
               << "scan_interval = \"" << interval << "\"\n"
               << "scan_threads = " << threads << "\n"
               << "scan_most_vanished_percent = 100\n"
               << more;
        if (more.find("scan_settle_time") == more.npos) config << "scan_settle_time = \"20ms\"\n";
    }

    void Start(const std::vector<std::string>& options = {},
               const std::vector<std::string>& environment = {}) {
        std::vector<std::string> command = Command();
        command.insert(command.end(), options.begin(), options.end());
        process_.emplace(command, Process::Options{scratch_ / "scan.log", environment});
    }
    std::optional<int> Wait() {
        const auto status = process_->Wait();
        process_.reset();
        return status;
    }
    void Kill() {
        process_->Signal(SIGKILL);
        process_->Wait();
        process_.reset();
    }
    pid_t Pid() const { return process_->Pid(); }
    void Signal(int signal) { process_->Signal(signal); }
    std::optional<int> Stop() {
        process_->Signal(SIGTERM);
        return Wait();
    }
    /// `with` is a command that runs it, such as strace.
    int ScanOnce(std::vector<std::string> with = {}, const std::string& option = "--once") const {
        std::vector<std::string> command = Command();
        command.push_back(option);
        command.insert(command.begin(), with.begin(), with.end());
        const Finished scan = Run(command);
        std::ofstream(scratch_ / "scan.log", std::ios::app) << scan.output << scan.errors;
        return scan.status;
    }
    /// Nothing while the store is busy.
    Figures Found() const {
        async::EventLoop loop;
        const auto store = usage::OpenUsageStore(loop, settings_);
        Figures figures;
        try {
            for (const std::string& mailbox : loop.RunUntilDone(store->MeasuredMailboxes())) {
                const auto usage = loop.RunUntilDone(store->Find(mailbox));
                if (usage) figures[mailbox] = {usage->bytes, usage->messages};
            }
        } catch (const outage::UsageStoreUnavailable&) {
            return {};
        }
        return figures;
    }
    /// With the usage store, and with mailbox_layout and the like as usual.
    const config::Settings& Settings() const { return settings_; }
    std::string Log() const { return ReadFile(scratch_ / "scan.log"); }

private:
    std::vector<std::string> Command() const {
        return {test::ProgramPath("policyd-scan"), "--config", scratch_ / "policyd.toml"};
    }

    std::filesystem::path scratch_;
    config::Settings settings_;
    std::optional<Process> process_;
};

}  // namespace policyd::test
