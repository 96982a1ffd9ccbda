#include "tests/chaos/site.hpp"

#include <signal.h>

#include <cstdio>

#include "common/async/event_loop.hpp"
#include "common/config/config_file.hpp"
#include "common/usage/open_usage_store.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/policy_client.hpp"

namespace policyd::test {

namespace fs = std::filesystem;

namespace {

/// More than Postfix adds to any message here.
constexpr std::uint64_t kDeliveryOverhead = 1'000;

/// Postfix has tables of its own, with the same in them: it does not ask a MySQL server that failed
/// for a minute, and what is to be seen here is policyd.
PostfixInstance::Parameters PostfixParameters(int port) {
    const std::string service =
        "check_policy_service { inet:127.0.0.1:" + std::to_string(port) + ", timeout=10s }";
    std::string maps = "inline:{ ";
    for (int i = 0; i < BackEnds::kUsers; ++i)
        maps +=
            "{ " + BackEnds::User(i) + "@example.com = example.com/" + BackEnds::User(i) + "/ } ";
    return {{"virtual_mailbox_domains", "example.com"},
            {"virtual_mailbox_maps", maps + '}'},
            {"smtpd_relay_restrictions", "reject_unauth_destination"},
            {"smtpd_reject_unlisted_recipient", "no"},
            {"smtpd_recipient_restrictions", "reject_unauth_destination, " + service},
            {"smtpd_end_of_data_restrictions", service}};
}

}  // namespace

Site::Site() : port_(FreePort()), postfix_(PostfixParameters(port_)) {
    config_ = WriteConfiguration("policyd.toml", Options());
    policyd_ = std::make_unique<PolicydProcess>(config_, port_);
    StartScanner();
}

std::string Site::Options() const {
    return "listen = \"inet:127.0.0.1:" + std::to_string(port_) + "\"\n" + back_ends_.Options() +
           "virtual_mailbox_base = \"" + postfix_.MailStore().string() + "\"\n" +
           "request_time_limit = \"2s\"\nscan_state_file = \"\"\nscan_interval = \"3s\"\n"
           "recipient_cache_time = \"1s\"\nunknown_recipient_cache_time = \"1s\"\n"
           "delivery_overhead = " +
           std::to_string(kDeliveryOverhead) + "\n";
}

fs::path Site::WriteConfiguration(const std::string& name, const std::string& options) const {
    return scratch_.Write(name, options);
}

/// With a configuration of its own: it may be started while policyd's has a mistake.
void Site::StartScanner() {
    const fs::path config = WriteConfiguration("scanner.toml", Options());
    scanner_ = std::make_unique<Process>(
        std::vector<std::string>{ProgramPath("policyd-scan"), "--config", config.string()},
        Process::Options{scratch_ / "scanner.log"});
}

Fault Site::OfPolicyd(const std::string& name, std::function<void()> begin,
                      std::function<void()> end) {
    const auto first = [this, begin = std::move(begin)] {
        ++troubles_;
        begin();
    };
    const auto last = [this, end = std::move(end)] {
        end();
        ++troubles_;
    };
    return {name, "policyd", first, last};
}

std::vector<Fault> Site::Faults() {
    std::vector<Fault> faults = back_ends_.Faults();
    const auto start = [this] { policyd_->Start(); };
    const auto stop = [this] {
        if (policyd_->Stop() != 0) throw std::runtime_error("policyd: " + policyd_->Output());
    };
    const auto signal = [this](int number) { return [this, number] { policyd_->Signal(number); }; };
    const auto reload = [this](const std::string& options) {
        return [this, options] {
            WriteConfiguration("policyd.toml", options);
            policyd_->Signal(SIGHUP);
        };
    };
    const auto kill_scanner = [this] {
        scanner_->Signal(SIGKILL);
        scanner_->Wait();
    };
    faults.push_back(OfPolicyd(
        "policyd crashes", [this] { policyd_->Kill(); }, start));
    faults.push_back(OfPolicyd("policyd stops", stop, start));
    faults.push_back(OfPolicyd("policyd hangs", signal(SIGSTOP), signal(SIGCONT)));
    faults.push_back({"policyd gets a configuration with a mistake", "policyd",
                      reload(Options() + "request_time_limit = \"soon\"\n"), reload(Options())});
    faults.push_back({"policyd reloads", "policyd", signal(SIGHUP), signal(SIGHUP)});
    faults.push_back(
        {"policyd-scan crashes", "policyd-scan", kill_scanner, [this] { StartScanner(); }});
    return faults;
}

void Site::Settle() {
    postfix_.WaitUntilIdle();
    scanner_->Signal(SIGTERM);
    if (scanner_->Wait() != 0)
        throw std::runtime_error("policyd-scan: " + ReadFile(scratch_ / "scanner.log"));
}

/// All mail has been delivered, so whatever is still reserved is reserved for nothing.
void Site::ScanOnce() const {
    const fs::path config =
        WriteConfiguration("last_scan.toml", Options() + "reservation_grace = \"0s\"\n");
    const Finished scan = Run({ProgramPath("policyd-scan"), "--config", config.string(), "--once"});
    if (scan.status != 0) throw std::runtime_error("policyd-scan: " + scan.errors);
}

Site::Held Site::OnDisk(const std::string& user) const {
    Held held;
    std::error_code missing;
    const fs::path directory = postfix_.MailStore() / "example.com" / user / "new";
    for (fs::directory_iterator file(directory, missing), end; !missing && file != end; ++file) {
        held.bytes += file->file_size();
        ++held.messages;
    }
    return held;
}

bool Site::DecidesRightly(int user, const Held& held) const {
    const std::uint64_t limit = BackEnds::LimitOf(user);
    const auto is_full_for = [&](std::uint64_t bytes) {
        PolicyClient client(port_);
        const std::string size = std::to_string(bytes);
        const std::string action =
            client.Ask(RequestText({{"recipient", BackEnds::User(user) + "@example.com"},
                                    {"sender", "a@elsewhere.example"},
                                    {"instance", "last " + size},
                                    {"size", size}}));
        // 452 by what is not measured yet.
        return action.starts_with("552 ") || action.starts_with("452 ");
    };
    const std::uint64_t used = held.bytes + kDeliveryOverhead;
    if (used >= limit) return is_full_for(1);
    return is_full_for(limit - used + 1) && !is_full_for(limit - used);
}

bool Site::UsageIsRight() {
    ScanOnce();
    async::EventLoop loop;
    config::Settings settings = config::LoadConfigFile(config_);
    settings.redis_time_limit = std::chrono::minutes(1);  // the loop stands still in between
    const auto store = usage::OpenUsageStore(loop, settings);
    bool right = true;
    std::uint64_t overshoot = 0;
    for (int i = 0; i < BackEnds::kUsers; ++i) {
        const std::string user = BackEnds::User(i);
        const Held held = OnDisk(user);
        const auto found = loop.RunUntilDone(store->Find(user + "@example.com"));
        const usage::Usage usage = found.value_or(usage::Usage());
        const bool equal = usage.bytes == held.bytes && usage.messages == held.messages &&
                           usage.reserved_bytes == 0 && usage.reserved_messages == 0;
        const bool decided = DecidesRightly(i, held);
        if (held.bytes > BackEnds::LimitOf(i))
            overshoot = std::max(overshoot, held.bytes - BackEnds::LimitOf(i));
        if (equal && decided) continue;
        right = false;
        std::printf(
            "  %s: %ju bytes in %ju messages on the disk; in the store %ju in %ju, and reserved "
            "%ju in %ju%s\n",
            user.c_str(), held.bytes, held.messages, usage.bytes, usage.messages,
            usage.reserved_bytes, usage.reserved_messages,
            decided ? "" : "; policyd decides otherwise");
    }
    std::printf("furthest beyond its limit, by mail let through during outages: %ju bytes\n",
                overshoot);
    std::printf("usage store and disk: %s\n", right ? "the same" : "DIFFERENT");
    return right;
}

}  // namespace policyd::test
