#include "policyd/scanner/live_scan.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/log/logging.hpp"

namespace policyd::scanner {

namespace {

/// Nothing is measured so soon: one wake-up for all events of this time is enough, of which the
/// kernel keeps 16,384.
constexpr std::chrono::milliseconds kRest(50);
/// How many mailboxes that have not changed are measured in such a time, beside those that have.
constexpr std::size_t kTurns = 64;
constexpr std::chrono::milliseconds kTimeOfTurns(200);

}  // namespace

LiveScan::LiveScan(async::EventLoop& loop, Scanner& scanner, const ScanState& state,
                   const std::string& root, std::string_view how,
                   std::chrono::milliseconds settle_time, std::function<void(Sweep)> ask_for_sweep)
    : loop_(loop),
      scanner_(scanner),
      state_(state),
      root_(root),
      how_(how),
      settle_time_(settle_time),
      ask_for_sweep_(std::move(ask_for_sweep)),
      rest_(loop.Raw(), [this] { Listen(); }),
      settling_(loop.Raw(), [this] { settled_.Set(); }) {
    rest_.KeepsLoopAlive(false);
}

LiveScan::~LiveScan() = default;

void LiveScan::Start() {
    std::error_code ignored;  // a root that cannot be looked at is none yet
    waits_for_root_ = !std::filesystem::is_directory(root_, ignored);
    if (waits_for_root_) {
        log::Info("live: {} is not there yet", root_);
        return;
    }
    if (how_ == "auto" || how_ == "fanotify") TryFanotify();
    if (watch_ == nullptr && (how_ == "auto" || how_ == "inotify")) TryInotify();
    log::Info("live: {}", watch_ != nullptr ? watch_->Name() : "changes are found by scans alone");
}

void LiveScan::TryFanotify() {
    try {
        Take(WatchWithFanotify(root_));
    } catch (const std::system_error& error) {
        if (how_ == "fanotify") {
            log::Error("live: {}", error.what());
        } else {
            log::Info("live: no fanotify: {}", error.what());
        }
    }
}

void LiveScan::TryInotify() {
    try {
        Take(WatchWithInotify(root_));
    } catch (const std::system_error& error) {
        log::Error("live: {}", error.what());
    }
}

void LiveScan::Take(std::unique_ptr<ChangeWatch> watch) {
    poll_.reset();
    watch_ = std::move(watch);
    watched_root_ = {};
    poll_ = async::MakeHandle<uv_poll_t>("uv_poll_init", this, uv_poll_init, loop_.Raw(),
                                         watch_->Descriptor());
    uv_unref(reinterpret_cast<uv_handle_t*>(poll_.get()));
    Listen();
}

void LiveScan::Listen() {
    if (poll_ == nullptr) return;
    const auto on_readable = [](uv_poll_t* handle, int, int) {
        static_cast<LiveScan*>(handle->data)->OnReadable();
    };
    async::ThrowIfFailed(uv_poll_start(poll_.get(), UV_READABLE, on_readable), "uv_poll_start");
}

void LiveScan::OnReadable() {
    const bool was_quiet = !hints_.Any();
    TakeHints();
    if (was_quiet && hints_.Any()) changed_.Set();
    uv_poll_stop(poll_.get());
    rest_.Start(kRest);
}

void LiveScan::TakeHints() {
    if (watch_ != nullptr) watch_->Take(hints_);
}

void LiveScan::AfterSweep() {
    const auto root = state_.places.find("");
    if (root == state_.places.end()) return;
    const DirectoryStamp& stamp = root->second->stamp;
    const bool is_another = watch_ != nullptr && watched_root_.Exists() &&
                            (watched_root_.inode != stamp.inode ||
                             watched_root_.device != stamp.device || !watch_->SeesRoot());
    if (is_another || waits_for_root_) {
        WatchAnew();
        // Without a root it would fail at once; the one that succeeds comes by here again.
        if (watch_ != nullptr && !waits_for_root_) ask_for_sweep_(Sweep::kAll);
    }
    if (watch_ == nullptr) return;
    watched_root_ = stamp;
    ChangeHints unseen;
    if (!watch_->Follow(state_, unseen)) return GiveUp("there are too many directories");
    if (!unseen.Any()) return;
    // These were not watched when they were measured.
    hints_.directories.merge(unseen.directories);
    changed_.Set();
}

void LiveScan::WatchAnew() {
    log::Info("live: the mail store is another: watching anew");
    poll_.reset();
    watch_.reset();
    watched_root_ = {};
    hints_ = {};
    Start();
}

void LiveScan::OnAppeared(const std::vector<std::string>& mailboxes) {
    ChangeHints unseen;
    if (watch_ != nullptr && !watch_->FollowPlaces(state_, unseen))
        GiveUp("there are too many directories");
    hints_.directories.merge(unseen.directories);
    if (mailboxes.empty()) return;
    dirty_.insert(mailboxes.begin(), mailboxes.end());
    changed_.Set();
}

void LiveScan::MeasureSoon(const std::string& mailbox) {
    dirty_.insert(mailbox);
    changed_.Set();
}

void LiveScan::MeasureInTurn(std::vector<std::string> mailboxes) {
    in_turn_ = std::move(mailboxes);
    std::reverse(in_turn_.begin(), in_turn_.end());
    if (!in_turn_.empty()) changed_.Set();
}

/// None while so many are waiting already: the disk is slow.
void LiveScan::TakeTurns() {
    const std::size_t most = kTurns * std::max<std::size_t>(1, settle_time_ / kTimeOfTurns);
    for (; !in_turn_.empty() && dirty_.size() < most; in_turn_.pop_back())
        dirty_.insert(std::move(in_turn_.back()));
}

void LiveScan::GiveUp(const std::string& why) {
    log::Warning("live: {} is given up: {}; changes are found by scans alone", watch_->Name(), why);
    poll_.reset();
    watch_.reset();
    hints_ = {};
}

async::Task<> LiveScan::Run() {
    while (!stopped_) {
        // Mailboxes that could not be measured yet are tried again in the same rhythm.
        if (dirty_.empty() && in_turn_.empty()) co_await changed_.Wait();
        if (stopped_) co_return;
        co_await Settle();
        if (stopped_) co_return;
        TakeTurns();
        TakeHints();
        Sort(std::exchange(hints_, {}));
        if (dirty_.empty()) continue;
        // What changes while these are measured is to be measured once more.
        std::set<std::string> dirty = std::exchange(dirty_, {});
        std::vector<std::string> mailboxes(dirty.begin(), dirty.end());
        std::vector<std::string> measured;
        try {
            measured = co_await scanner_.Remeasure(std::move(mailboxes));
        } catch (const outage::Unavailable& outage) {
            log::Error("usage store: {}", outage.what());
        } catch (const std::system_error& error) {
            log::Error("mail store: {}", error.what());
            dirty.clear();  // a scan of everything follows once there is one
        }
        remeasured_ += measured.size();
        for (const std::string& mailbox : measured) {
            dirty.erase(mailbox);
            Follow(mailbox);
        }
        dirty_.merge(dirty);
    }
}

/// Waits until changes have been collected, or it is to stop.
async::Task<> LiveScan::Settle() {
    settling_.Start(settle_time_);
    co_await settled_.Wait();
    settling_.Stop();
}

void LiveScan::Stop() {
    stopped_ = true;
    changed_.Set();
    settled_.Set();
}

/// What the hints make dirty; asks for the sweeps that they call for.
void LiveScan::Sort(ChangeHints hints) {
    if (hints.lost) {
        ++times_lost_;
        log::Warning("live: {} has lost events: everything is looked at", Method());
        ask_for_sweep_(Sweep::kAll);
    }
    bool places = false;
    const auto mark = [this, &places](const Whereabouts& where) {
        if (where.mailbox && state_.mailboxes.contains(*where.mailbox)) {
            dirty_.insert(*where.mailbox);
        } else if (where.mailbox) {
            places = true;  // a mailbox of which we have not heard
        }
    };
    for (const std::string& directory : hints.directories) {
        const Whereabouts where = scanner_.Locate(directory);
        places |= where.is_place;
        mark(where);
    }
    // What mail programs keep above mailboxes, and change with each delivery, is no mailbox.
    for (const std::string& directory : hints.with_files) {
        const Whereabouts where = scanner_.Locate(directory);
        places |= where.makes_mailbox;
        mark(where);
    }
    for (const std::string& subtree : hints.subtrees) {
        // Another may be there now under the same name.
        auto mailbox = state_.mailboxes.lower_bound(subtree);
        for (; mailbox != state_.mailboxes.end() && mailbox->first.starts_with(subtree); ++mailbox)
            dirty_.insert(mailbox->first);
    }
    if (places) ask_for_sweep_(Sweep::kPlaces);
}

void LiveScan::Follow(const std::string& mailbox) {
    const auto known = state_.mailboxes.find(mailbox);
    if (watch_ == nullptr || known == state_.mailboxes.end() || known->second.record == nullptr)
        return;
    ChangeHints unseen;
    if (!watch_->FollowMailbox(mailbox, *known->second.record, unseen))
        return GiveUp("there are too many directories");
    if (unseen.Any()) dirty_.insert(mailbox);
}

std::string_view LiveScan::Method() const {
    return watch_ != nullptr ? watch_->Name() : "off";
}

}  // namespace policyd::scanner
