#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "tests/support/policy_client.hpp"
#include "tests/support/policyd_process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

/// A configuration without servers: joe@example.com exists, nobody else in example.com does. Usage
/// is kept in SQLite, nothing is remembered of tables.
class SmallSite {
public:
    /// Options by name, with their values as TOML has them.
    using Options = std::map<std::string, std::string>;

    /// `options` win over those chosen here.
    explicit SmallSite(Options options = {}) : options_(std::move(options)) { Write({}); }

    std::filesystem::path Socket() const { return directory_ / "policy.sock"; }
    std::filesystem::path ControlSocket() const { return directory_ / "control.sock"; }
    std::filesystem::path Config() const { return directory_ / "policyd.toml"; }
    int MetricsPort() const { return metrics_port_; }
    const ScratchDirectory& Directory() const { return directory_; }

    /// Writes the configuration anew; these options win.
    void Write(const Options& changes) const {
        Options options = {
            {"listen", Quoted("unix:" + Socket().string())},
            {"metrics_listen", Quoted("inet:127.0.0.1:" + std::to_string(metrics_port_))},
            {"control_socket", Quoted("unix:" + ControlSocket().string())},
            {"usage_store", Quoted("sqlite:" + (directory_ / "usage").string())},
            {"virtual_mailbox_domains", "[\"inline:{example.com=x}\"]"},
            {"virtual_mailbox_maps", Mailbox("joe")},
            {"delivery_overhead", "0"},
            {"recipient_cache_time", Quoted("0s")},
            {"unknown_recipient_cache_time", Quoted("0s")}};
        for (const Options* wins : {&options_, &changes})
            for (const auto& [name, value] : *wins) options[name] = value;
        std::string text;
        for (const auto& [name, value] : options) text += name + " = " + value + "\n";
        directory_.Write("policyd.toml", text);
    }

    static std::string Quoted(const std::string& text) { return '"' + text + '"'; }
    /// virtual_mailbox_maps with one user of example.com.
    static std::string Mailbox(const std::string& user) {
        return "[\"inline:{" + user + "@example.com=x}\"]";
    }

    /// The value of a metric, with its labels if it has any; 0 where it is not shown.
    double Metric(const std::string& name) const {
        const std::string text = "\n" + HttpGet(metrics_port_, "/metrics").body;
        const std::size_t at = text.find("\n" + name + " ");
        return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size() + 2));
    }

private:
    const ScratchDirectory directory_;
    const int metrics_port_ = FreePort();
    const Options options_;
};

}  // namespace policyd::test
