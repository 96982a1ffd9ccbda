#include "policyd/scanner/scan_program.hpp"

#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cstdio>
#include <system_error>
#include <utility>

#include "common/async/beside.hpp"
#include "common/log/logging.hpp"

namespace policyd::scanner {

namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kSaveEvery = 30s;  // a crash costs no more than measuring this long again
/// How long a store that was emptied may take every mailbox for empty, and another root go
/// unnoticed.
constexpr auto kLookAroundEvery = 10s;

ScannerOptions MakeOptions(const config::Settings& settings, const CommandLine& command_line) {
    ScannerOptions options = OptionsFrom(settings);
    options.accept_removals = command_line.accept_removals;
    options.patience = command_line.once ? Patience::kShort : Patience::kForever;
    return options;
}

ExitCode ExitCodeFor(const ScanReport& report) {
    if (report.not_committed > 0) return kFailed;
    if (report.interrupted) return kStopped;
    if (report.drifted > 0 || report.store_drifted > 0) return kDrift;
    if (report.withheld > 0 || report.partial > 0 || report.unreadable_places > 0)
        return kIncomplete;
    return kDone;
}

}  // namespace

ScanProgram::ScanProgram(async::EventLoop& loop, usage::UsageStore& store,
                         const config::Settings& settings, const CommandLine& command_line)
    : loop_(loop),
      settings_(settings),
      command_line_(command_line),
      options_(MakeOptions(settings, command_line)),
      scanner_(loop, store, state_, options_),
      live_(loop, scanner_, state_, options_.root, settings.scan_live, settings.scan_settle_time,
            [this](LiveScan::Sweep sweep) { AskForSweep(sweep); }),
      progress_(!command_line.quiet && isatty(STDERR_FILENO) != 0),
      timer_(loop.Raw(), [this] { wake_up_.Set(); }),
      look_around_timer_(loop.Raw(), [this] { look_around_.Set(); }),
      write_metrics_(loop.Raw(), kSaveEvery, [this] { WriteMetrics(); }) {
    // It may have lost figures, and refuse mail by old ones, or have some of mailboxes that are
    // gone: not to be found out at the next scan.
    store.OnReturn([this] {
        state_.knows_store = false;
        AskForSweep(LiveScan::Sweep::kAll);
        look_around_.Set();
    });
    scanner_.OnNew([this](const Scanner::Mailboxes& mailboxes) { SaveNew(mailboxes); });
    scanner_.OnMustBeSaved([this] { SaveState(); });
    scanner_.OnStore([this](bool answers) {
        store_answers_ = answers;
        TellStatus();
    });
    scanner_.OnAppeared(
        [this](const std::vector<std::string>& mailboxes) { live_.OnAppeared(mailboxes); });
    scanner_.OnProgress([this] {
        progress_.Show(scanner_.CurrentProgress());
        SaveIfTime();
    });
}

async::Task<ExitCode> ScanProgram::Run() {
    if (!LoadState()) co_return kFailed;
    ExitCode exit_code = kFailed;
    if (command_line_.once) {
        exit_code = co_await RunOnce();
    } else {
        exit_code = co_await RunUntilStopped();
    }
    scanner_.Stop();
    co_await scanner_.Finish();
    SaveState();
    co_return exit_code;
}

void ScanProgram::Stop() {
    stopped_ = true;
    scanner_.Stop();
    live_.Stop();
    for (RootLook* look : {&look_before_scan_, &look_beside_scans_})
        if (*look) (*look)->LeaveBehind();
    wake_up_.Set();
    look_around_.Set();
}

void ScanProgram::VerifyNow() {
    verify_now_ = true;
    wake_up_.Set();
}

bool ScanProgram::MeasureSoon(const std::string& address) {
    const auto directory = scanner_.Layout().DirectoryOf(address);
    const auto known = directory ? state_.mailboxes.find(*directory) : state_.mailboxes.end();
    if (known == state_.mailboxes.end()) return false;
    live_.MeasureSoon(known->first);
    return known->second.record != nullptr;
}

bool ScanProgram::LoadState() {
    const std::string& path = settings_.scan_state_file;
    saved_ = SteadyClock::now();
    if (path.empty()) return true;
    try {
        lock_ = StateLock::Take(path);
        if (lock_ == nullptr) {
            log::Error("state: {} is in use by another policyd-scan", path);
            return false;
        }
        state_file_.emplace(path, options_.Fingerprint());
        if (command_line_.rebuild) return true;
        if (auto loaded = state_file_->Load()) state_ = std::move(*loaded);
    } catch (const StateDamaged& damage) {
        log::Warning("state: {}: {}; everything is measured anew", path, damage.what());
    } catch (const std::system_error& error) {
        log::Error("state: {}", error.what());
        return false;
    }
    return true;
}

void ScanProgram::SaveIfTime() {
    if (SteadyClock::now() - saved_ <= kSaveEvery) return;
    SaveState();
}

void ScanProgram::SaveState() {
    saved_ = SteadyClock::now();
    if (!state_file_ || !state_.has_changed) return;
    try {
        state_file_->Save(state_);
    } catch (const std::system_error& error) {
        // Until it can, a restart measures more than it would have had to, which is all.
        files_.Failed("scan_state_file", error.what(), loop_.Now());
        return;
    }
    state_.has_changed = false;
    files_.Answered("scan_state_file", loop_.Now());
}

/// Without all the rest, which takes long where there are many.
void ScanProgram::SaveNew(const Scanner::Mailboxes& mailboxes) {
    if (!state_file_) return;
    try {
        if (!state_file_->Add(mailboxes)) return SaveState();
        files_.Answered("scan_state_file", loop_.Now());
    } catch (const std::system_error& error) {
        files_.Failed("scan_state_file", error.what(), loop_.Now());
    }
}

/// Nothing if there was nothing to scan, or nobody to tell.
async::Task<std::optional<ScanReport>> ScanProgram::SweepOnce(Thoroughness thoroughness,
                                                              Scanner::Scope scope) {
    std::optional<ScanReport> report;
    try {
        report = co_await scanner_.Sweep(thoroughness, scope);
        files_.Answered("mail store", loop_.Now());
    } catch (const outage::Unavailable& outage) {
        log::Error("usage store: {}", outage.what());
    } catch (const std::system_error& error) {
        if (command_line_.once) {
            log::Error("mail store: {}", error.what());
        } else {
            files_.Failed("mail store", error.what(), loop_.Now());
        }
        scanned_root_.reset();
    }
    progress_.Clear();
    if (scope == Scanner::Scope::kAll) {
        SaveState();
    } else {
        SaveIfTime();  // there may be one for each mailbox that comes
    }
    if (report && !report->interrupted) metrics_.Add(*report, scope);
    if (!report) ++metrics_.failures;
    if (scanner_.OwesALook()) places_changed_ = true;
    WriteMetrics();
    co_return report;
}

void ScanProgram::WriteMetrics() {
    if (settings_.scan_metrics_file.empty()) return;
    metrics_.totals = scanner_.TotalsSoFar();
    metrics_.committed = scanner_.Committed();
    metrics_.waiting = scanner_.WaitingForStore();
    metrics_.live = live_.Method();
    metrics_.remeasured = live_.Remeasured();
    metrics_.times_lost = live_.TimesLost();
    try {
        WriteMetricsFile(settings_.scan_metrics_file, metrics_);
        files_.Answered("scan_metrics_file", loop_.Now());
    } catch (const std::system_error& error) {
        files_.Failed("scan_metrics_file", error.what(), loop_.Now());
    }
}

async::Task<ExitCode> ScanProgram::RunOnce() {
    const std::optional<ScanReport> report = co_await SweepOnce(
        command_line_.verify ? Thoroughness::kEverything : Thoroughness::kWhatChanged);
    if (!report) co_return kFailed;
    if (!command_line_.quiet) std::puts(report->Line().c_str());
    co_return ExitCodeFor(*report);
}

void ScanProgram::AskForSweep(LiveScan::Sweep sweep) {
    if (sweep == LiveScan::Sweep::kPlaces && scanner_.LookAgain()) return;
    (sweep == LiveScan::Sweep::kAll ? sweep_now_ : places_changed_) = true;
    wake_up_.Set();
}

const char* ScanProgram::Status() const {
    if (!store_answers_) return "waiting for the usage store";
    if (!has_scanned_) return "first scan";
    if (!scanned_root_) return "waiting for the mail store";
    return "watching";
}

void ScanProgram::TellStatus() const {
    sd_notifyf(0, "STATUS=%s", Status());
}

async::Task<ExitCode> ScanProgram::RunUntilStopped() {
    log::Info("policyd-scan {} watches over {}", POLICYD_VERSION, options_.root);
    live_.Start();
    async::Beside live(live_.Run());
    async::Beside looks(LookAroundUntilStopped());
    auto due = SteadyClock::now();
    // Not after the first scan: whoever started it would wait for hours, or for a store that is
    // away.
    sd_notifyf(0, "READY=1\nSTATUS=%s", Status());
    bool owes_verification = false;  // until one has come to its end
    while (!stopped_) {
        const bool is_due = SteadyClock::now() >= due;
        const bool everything = std::exchange(sweep_now_, false) || is_due || verify_now_;
        const bool places = std::exchange(places_changed_, false);
        std::optional<ScanReport> report;
        if (std::exchange(verify_now_, false)) owes_verification = true;
        if (is_due) due = SteadyClock::now() + settings_.scan_interval;
        if (everything) {
            const auto root = co_await LookAtRoot(look_before_scan_);
            if (!root) break;
            scanned_root_ = *root;
            report = co_await SweepOnce(owes_verification ? Thoroughness::kEverything
                                                          : Thoroughness::kWhatChanged);
            if (report) log::Info("{}", report->Line());
            if (report && !report->interrupted) owes_verification = false;
        } else if (places) {
            report = co_await SweepOnce(Thoroughness::kWhatChanged, Scanner::Scope::kNewOnes);
        }
        const bool knows_root = !report || !report->interrupted;
        if (knows_root) live_.AfterSweep();
        has_scanned_ = true;
        TellStatus();
        co_await WaitUntilWanted(due);
    }
    sd_notify(0, "STOPPING=1");
    live_.Stop();
    co_await live.End();
    co_await looks.End();
    co_return kDone;
}

/// Once a root is there again that could not be read, whatever became of it meanwhile.
bool ScanProgram::IsToBeScannedFor(const DirectoryIdentity& root) const {
    if (!scanned_root_) return root.IsThere();
    if (root == *scanned_root_) return false;
    log::Info("mail store: {} {}", options_.root,
              root.IsThere() ? "is another directory now" : "cannot be looked at any more");
    return true;
}

/// Nothing where it is to stop: a server of files that is gone is not waited for. Where there can
/// be no thread for it now, it counts as what it was: the next look is soon.
async::Task<std::optional<DirectoryIdentity>> ScanProgram::LookAtRoot(RootLook& look) {
    if (stopped_) co_return std::nullopt;
    try {
        look.emplace(loop_, [root = options_.root] { return IdentityOf(root); });
    } catch (const std::system_error& error) {
        files_.Failed("a look at the mail store", error.what(), loop_.Now());
        co_return scanned_root_.value_or(DirectoryIdentity());
    }
    files_.Answered("a look at the mail store", loop_.Now());
    co_return co_await look->End();
}

async::Task<> ScanProgram::WaitUntilWanted(SteadyClock::time_point due) {
    const auto is_wanted = [this] {
        return stopped_ || verify_now_ || sweep_now_ || places_changed_;
    };
    for (;;) {
        if (is_wanted()) break;
        SaveIfTime();
        const auto now = SteadyClock::now();
        if (now >= due) break;
        timer_.Start(
            std::chrono::ceil<std::chrono::milliseconds>(std::min(due, saved_ + kSaveEvery) - now));
        co_await wake_up_.Wait();
    }
    timer_.Stop();
}

/// Also while a sweep takes its time, and where mailboxes come and go all the time, which calls for
/// sweeps of their own.
async::Task<> ScanProgram::LookAroundUntilStopped() {
    while (!stopped_) {
        look_around_timer_.Start(kLookAroundEvery);
        co_await look_around_.Wait();
        if (!stopped_) co_await LookAround();
    }
    look_around_timer_.Stop();
}

async::Task<> ScanProgram::LookAround() {
    const bool has_lost = co_await scanner_.StoreHasLost();
    live_.MeasureInTurn(scanner_.ToBeSettled());
    if (has_lost) AskForSweep(LiveScan::Sweep::kAll);
    const auto root = co_await LookAtRoot(look_beside_scans_);
    if (!root) co_return;
    // A scan need not begin anew because a server of files is silent for a while.
    if (!root->IsThere() && scanner_.CurrentProgress().sweeping) co_return;
    if (!IsToBeScannedFor(*root)) co_return;
    scanned_root_ = *root;
    scanner_.BreakOff();
    if (root->IsThere()) live_.WatchAnew();
    AskForSweep(LiveScan::Sweep::kAll);
}

}  // namespace policyd::scanner
