#include "policyd/scanner/scanner.hpp"

#include <algorithm>
#include <cstring>

#include "common/async/blocking_call.hpp"
#include "common/async/sleep.hpp"
#include "common/async/timer.hpp"
#include "common/log/logging.hpp"
#include "common/text/utf8.hpp"

namespace policyd::scanner {

namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kMostInBatch = 64;
constexpr std::size_t kMostSlow = 4;  // mailboxes at a time where the rate is limited
constexpr auto kTookLong = 10ms;
constexpr auto kLongestRound = 200ms;  // how long mailboxes that changed together wait for all
constexpr int kRestFactor = 20;        // one large mailbox takes a twentieth of a thread at most
constexpr auto kTimeHolds = 2s;        // how long one answer to "what time is it" is used
constexpr StoreTime kSetBack = 1'000;  // in ms: as the usage store, which forgives as much
constexpr std::size_t kMostSettled = 4'096;  // at a time: they are copied
/// The store may ignore a measurement that is older than the stored one by up to this: its clock
/// may have come within kSetBack of the stored one by the time of the commit.
constexpr StoreTime kMayBeIgnored = 5'000;

std::string Quoted(const std::string& path) {
    return '"' + text::EscapedForLog(path) + '"';
}

/// Something is so for as long as this lives, however that ends.
class SoLong {
public:
    explicit SoLong(bool& is_so) : is_so_(is_so) { is_so_ = true; }
    ~SoLong() { is_so_ = false; }
    SoLong(const SoLong&) = delete;
    SoLong& operator=(const SoLong&) = delete;

private:
    bool& is_so_;
};

/// Whether the store may hold something that it prefers to a measurement that began then.
bool MayBeIgnored(StoreTime began, StoreTime stored_at) {
    return began <= stored_at && stored_at - began <= kMayBeIgnored;
}

}  // namespace

Scanner::Scanner(async::EventLoop& loop, usage::UsageStore& store, ScanState& state,
                 const ScannerOptions& options)
    : loop_(loop),
      store_(store),
      state_(state),
      options_(options),
      layout_(options.layout),
      pace_(options.rate_limit),
      publisher_(loop, store, state, layout_, options.grace, options.patience),
      pool_(loop, options.threads, options.rules, pace_, options.clock,
            [this](MeasuringBatch& batch) { OnMeasured(batch); }),
      vanished_(state, layout_, publisher_, options, tally_),
      comparison_(store, state, layout_, publisher_, vanished_, tally_),
      absent_(loop, layout_, publisher_),
      obstacles_(layout_.Pattern()) {
    publisher_.OnFinished([this] { sweep_goes_on_.Set(); });
}

void Scanner::BreakOff() {
    is_broken_off_ = true;
    sweep_goes_on_.Set();
}

void Scanner::Stop() {
    stopped_ = true;
    publisher_.Stop();
    pool_.Stop();
}

Scanner::Progress Scanner::CurrentProgress() const {
    return {tally_.sweep.measured, state_.mailboxes.size(), tally_.sweep.work, sweeping_};
}

async::Task<> Scanner::Finish() {
    while (change_batches_ > 0) co_await rounds_are_over_.Wait();
    publisher_.RetryRefused();
    co_await publisher_.Finish();
}

async::Task<Beginning> Scanner::AskTime() {
    const auto asked = SteadyClock::now();
    const StoreTime now = co_await publisher_.AskTime();
    if (now + kSetBack < newest_) ForgetTimesAfter(now);
    newest_ = now;
    co_return Beginning{now, asked};
}

/// The store's clock has been set back, or the store is another. What is dated in the future there
/// gives way to any measurement: so that there is one, everything so dated is committed again.
void Scanner::ForgetTimesAfter(StoreTime now) {
    log::Warning("usage store: its clock was set back by {} s: figures are committed again",
                 (newest_ - now) / 1'000);
    for (auto& [path, mailbox] : state_.mailboxes) {
        mailbox.stored_at = std::max(mailbox.stored_at, mailbox.offered_at);
        if (mailbox.committed_at > now) mailbox.committed_at = 0;
        if (mailbox.offered_at > now) mailbox.offered_at = 0;
        mailbox.changed_at = std::min(mailbox.changed_at, now);
        mailbox.verified_at = std::min(mailbox.verified_at, now);
    }
    absent_at_ = std::min(absent_at_, now);
    comparison_.ClockWasSetBackTo(now);
    began_.time = std::min(began_.time, now);
    // It may have come back from a backup, with mailboxes that are gone.
    state_.knows_store = false;
    state_.has_changed = true;
    owes_figures_ = true;
}

async::Task<ScanReport> Scanner::Sweep(Thoroughness thoroughness, Scope scope) {
    const auto start = SteadyClock::now();
    const std::uint64_t committed_before = publisher_.Committed();
    tally_.sweep = {};
    is_broken_off_ = false;
    if (scope == Scope::kAll) vanished_.TellAgain();
    tally_.sweep.verified = thoroughness == Thoroughness::kEverything;
    obstacles_.Begin();
    vanished_.Clear();
    OpenRoot();
    for (const auto& [path, mailbox] : state_.mailboxes)
        newest_ = std::max({newest_, mailbox.committed_at, mailbox.verified_at});
    began_ = co_await AskTime();
    asked_again_ = began_.asked;
    const StoreTime looked = began_.time;  // for mailboxes
    // To verify, all of them are looked up.
    if (!IsToEnd() && !tally_.sweep.verified) co_await StoreHasLost();
    if (std::exchange(owes_figures_, false)) {
        scope = Scope::kAll;
        state_.knows_store = false;  // also where the last sweep has found out that it did
    }
    const SoLong sweeping(sweeping_);
    look_again_ = false;  // what comes or goes from now on may be missed by the survey
    if (!IsToEnd()) co_await SurveyMailboxes(thoroughness);
    if (!IsToEnd() && tally_.sweep.verified) co_await CompareWithStore();
    if (!IsToEnd() && (tally_.sweep.verified || !has_mended_)) co_await MendDomains();
    has_mended_ = false;
    co_await MeasureMailboxes(thoroughness, scope);
    if (!IsToEnd()) co_await MeasureAgain(std::nullopt);
    if (!IsToEnd()) co_await RemoveVanished(looked);
    if (!IsToEnd()) co_await DropReservationsOfAbsent();
    co_await FinishCommitting();
    SumUp();
    tally_.sweep.interrupted = IsToEnd();
    tally_.sweep.committed = publisher_.Committed() - committed_before;
    tally_.sweep.not_committed = publisher_.Waiting();
    tally_.sweep.duration = SteadyClock::now() - start;
    co_return tally_.sweep;
}

void Scanner::OpenRoot() {
    // Anew each time: a disk may have been mounted there, or unmounted.
    files_ = std::make_shared<const StoreFiles>(options_.root);
    vanished_.LookIn(files_);
}

async::Task<bool> Scanner::StoreHasLost() {
    if (files_ == nullptr) co_return false;        // no sweep could begin yet
    if (looks_for_loss_) co_return owes_figures_;  // somebody else does
    const SoLong looks(looks_for_loss_);
    const bool has_lost = co_await comparison_.HasLostFigures();
    if (has_lost) co_await TellStoreAgain();
    co_return owes_figures_;
}

/// Nothing has to be read for that: what it was told last is as right as it was, and dated so. What
/// has changed since, and what it should not have, is for sweeps.
async::Task<> Scanner::TellStoreAgain() {
    log::Warning("usage store: it has lost figures, everything is committed again");
    for (auto& [path, mailbox] : state_.mailboxes) {
        mailbox.offered_at = std::max(mailbox.offered_at, mailbox.committed_at);
        mailbox.committed_at = 0;
    }
    state_.knows_store = false;
    state_.has_changed = true;
    owes_figures_ = owes_mending_ = true;
    // Who goes on after a crash would find in the sample what has been committed until then.
    if (on_must_be_saved_) on_must_be_saved_();
    co_await MendDomains();
    for (const auto& [path, mailbox] : state_.mailboxes)
        if (mailbox.record != nullptr && mailbox.offered_at > 0)
            publisher_.Offer(path, mailbox.offered_at, Publisher::Turn::kLater);
}

async::Task<Scanner::Mailboxes> Scanner::SurveyMailboxes(Thoroughness thoroughness) {
    auto survey_store = [this, thoroughness] {
        return SurveyStore(*files_, layout_, state_.places, thoroughness, options_.clock);
    };
    async::BlockingCall call(loop_.Raw(), std::move(survey_store));
    Survey survey = co_await call;

    tally_.sweep.work += survey.work;
    tally_.all.work += survey.work;
    obstacles_.Tell(survey.obstacles);
    // They mostly are: only '/' and what comes before it in a name are ordered otherwise.
    if (!std::is_sorted(survey.mailboxes.begin(), survey.mailboxes.end()))
        std::sort(survey.mailboxes.begin(), survey.mailboxes.end());
    Mailboxes appeared;
    vanished_.Clear();
    auto known = state_.mailboxes.begin();
    for (std::string& path : survey.mailboxes) {
        for (; known != state_.mailboxes.end() && known->first < path; ++known)
            vanished_.Insert(known->first);
        if (known != state_.mailboxes.end() && known->first == path) {
            ++known;
            continue;
        }
        appeared.push_back(path);
        state_.mailboxes.emplace_hint(known, std::move(path), KnownMailbox());
        state_.has_changed = true;
    }
    for (; known != state_.mailboxes.end(); ++known) vanished_.Insert(known->first);
    for (const auto& [path, place] : survey.places) {
        const auto before = state_.places.find(path);
        if (before == state_.places.end() || before->second != place) state_.has_changed = true;
    }
    state_.places = std::move(survey.places);
    if (!appeared.empty() && on_new_) on_new_(appeared);
    TellOfNone();
    co_return appeared;
}

/// Nothing else may tell that the layout is not that of the store. What cannot be read may hold
/// mailboxes.
void Scanner::TellOfNone() {
    const auto root = state_.places.find("");
    const bool holds_something = root != state_.places.end() && !root->second->children.empty();
    const bool all_are_read =
        std::none_of(state_.places.begin(), state_.places.end(),
                     [](const auto& known) { return known.second->unreadable; });
    const bool finds_none = state_.mailboxes.empty() && holds_something && all_are_read;
    if (!std::exchange(told_of_none_, finds_none) && finds_none)
        log::Warning(
            "mail store: there are directories in {}, but by mailbox_layout = {} no mailbox",
            options_.root, layout_.Pattern());
}

async::Task<> Scanner::MeasureMailboxes(Thoroughness thoroughness, Scope scope) {
    next_mailbox_.clear();
    skipped_.clear();
    exhausted_ = false;
    // Enough in the queue that no thread waits for us, each little enough to share out fairly. But
    // what a slow sweep has in the queue, it would keep from being measured when it changes; and a
    // thread that does not wait for the rate is there for that.
    const bool is_slow = options_.rate_limit > 0;
    const std::size_t window = is_slow ? std::clamp<std::size_t>(options_.threads - 1, 1, kMostSlow)
                                       : options_.threads * 4;
    batch_size_ = std::clamp<std::size_t>(state_.mailboxes.size() / (window * 2), 1,
                                          is_slow ? 1 : kMostInBatch);
    for (;;) {
        if (!IsToEnd() && std::exchange(look_again_, false)) co_await TakeInWhatCameAndWent();
        if (!IsToEnd() && SteadyClock::now() - asked_again_ > kTimeHolds) co_await AskTimeInSweep();
        while (!IsToEnd() && !exhausted_ && sweep_batches_ < window) {
            if (!SubmitNextBatch(thoroughness, scope)) exhausted_ = true;
        }
        if (!IsToEnd() && exhausted_) SubmitSkipped(thoroughness);
        // Not when there is nothing new any more: where mailboxes come all the time, it would not
        // end.
        if (sweep_batches_ == 0 && (IsToEnd() || (exhausted_ && skipped_.empty()))) break;
        if (!look_again_ || IsToEnd()) co_await sweep_goes_on_.Wait();
    }
}

/// What comes or goes by now does not wait until the store has taken all that was found.
async::Task<> Scanner::FinishCommitting() {
    publisher_.RetryRefused();
    while (!IsToEnd() && publisher_.IsCommitting()) {
        if (std::exchange(look_again_, false)) {
            co_await TakeInWhatCameAndWent();
        } else {
            co_await sweep_goes_on_.Wait();
        }
    }
    sweeping_ = false;
    if (!IsToEnd() && std::exchange(look_again_, false)) co_await TakeInWhatCameAndWent();
    if (!is_broken_off_) co_await publisher_.Finish();
}

bool Scanner::LookAgain() {
    if (!sweeping_ || IsToEnd()) return false;
    look_again_ = true;
    sweep_goes_on_.Set();
    return true;
}

async::Task<> Scanner::TakeInWhatCameAndWent() {
    const Mailboxes appeared = co_await SurveyMailboxes(Thoroughness::kWhatChanged);
    if (is_broken_off_) co_return;
    if (on_appeared_) on_appeared_(appeared);
    std::set<std::string> only_in_store;  // nobody looks, so that it is known no better than before
    co_await vanished_.Remove(std::move(only_in_store), state_.knows_store);
}

/// The time that was asked for is right for all that is measured later, but the later the better.
async::Task<> Scanner::AskTimeInSweep() {
    try {
        began_ = co_await AskTime();
    } catch (const outage::Unavailable&) {
        log::Warning("usage store: it does not answer; measuring goes on");
    }
    asked_again_ = SteadyClock::now();
}

/// False if there are no more mailboxes.
bool Scanner::SubmitNextBatch(Thoroughness thoroughness, Scope scope) {
    MeasuringBatch batch{files_, began_, nullptr, {}, {}};
    auto mailbox = state_.mailboxes.lower_bound(next_mailbox_);
    for (; mailbox != state_.mailboxes.end() && batch.tasks.size() < batch_size_; ++mailbox) {
        KnownMailbox& known = mailbox->second;
        if (known.in_flight) {  // it is being measured because it just changed
            if (thoroughness == Thoroughness::kEverything) skipped_.insert(mailbox->first);
            continue;
        }
        if (vanished_.Contains(mailbox->first)) continue;
        if (scope == Scope::kNewOnes && known.record != nullptr) continue;
        known.in_flight = true;
        batch.tasks.push_back(
            TaskFor(mailbox->first, known, ThoroughnessFor(mailbox->first, known, thoroughness)));
    }
    const bool more = mailbox != state_.mailboxes.end();
    if (more) next_mailbox_ = mailbox->first;
    if (!batch.tasks.empty()) {
        ++sweep_batches_;
        pool_.Submit(std::move(batch));
    }
    return more;
}

/// Those that were being measured otherwise when it was their turn to be read in full.
void Scanner::SubmitSkipped(Thoroughness thoroughness) {
    std::erase_if(skipped_, [&](const std::string& path) {
        const auto known = state_.mailboxes.find(path);
        if (known == state_.mailboxes.end() || vanished_.Contains(path)) return true;
        if (known->second.in_flight) return false;
        known->second.in_flight = true;
        MeasuringBatch batch{files_, began_, nullptr, {}, {}};
        batch.tasks.push_back(TaskFor(path, known->second, thoroughness));
        ++sweep_batches_;
        pool_.Submit(std::move(batch));
        return true;
    });
}

MeasuringTask Scanner::TaskFor(const std::string& path, const KnownMailbox& mailbox,
                               Thoroughness thoroughness) const {
    return {path, mailbox.record, thoroughness, state_.places.contains(path)};
}

/// Verifications are spread over the last quarter of their interval, each mailbox at a time of
/// its own, so that they do not all fall due at once.
Thoroughness Scanner::ThoroughnessFor(const std::string& path, const KnownMailbox& mailbox,
                                      Thoroughness asked) const {
    const StoreTime interval = options_.verify_interval.count();
    if (asked == Thoroughness::kEverything || interval == 0) return asked;
    const auto share = static_cast<StoreTime>(std::hash<std::string>{}(path) % 256);
    const StoreTime due = mailbox.verified_at + interval - interval / 4 * share / 256;
    return began_.time >= due ? Thoroughness::kEverything : asked;
}

void Scanner::OnMeasured(MeasuringBatch& batch) {
    for (std::size_t i = 0; i < batch.tasks.size(); ++i) {
        const MeasuringTask& task = batch.tasks[i];
        const auto known = state_.mailboxes.find(task.mailbox);
        KnownMailbox* const mailbox = known != state_.mailboxes.end() ? &known->second : nullptr;
        if (mailbox != nullptr) mailbox->in_flight = false;
        if (i < batch.results.size()) Take(batch, task, batch.results[i], mailbox);
    }
    if (on_progress_) on_progress_();
    if (batch.round == nullptr) {
        --sweep_batches_;
        sweep_goes_on_.Set();
        return;
    }
    if (--batch.round->unmeasured == 0) batch.round->is_over.Set();
    if (--change_batches_ == 0) rounds_are_over_.Set();
    if (!skipped_.empty()) sweep_goes_on_.Set();
}

void Scanner::Take(const MeasuringBatch& batch, const MeasuringTask& task,
                   MeasuredMailbox& measured, KnownMailbox* known) {
    tally_.sweep.work += measured.work;
    tally_.all.work += measured.work;
    if (batch.round == nullptr) ++tally_.sweep.measured;
    obstacles_.Tell(measured.obstacles);
    if (known == nullptr) return;
    if (measured.mailbox == Sight::kAbsent) vanished_.Insert(task.mailbox);
    // In a sweep it may have waited long for a processor, or for a disk that is cold.
    if (batch.round != nullptr && measured.took > kTookLong)
        resting_[task.mailbox] = SteadyClock::now() + kRestFactor * measured.took;
    known->is_unmeasurable = measured.record == nullptr && measured.mailbox == Sight::kUnreadable;
    if (measured.record == nullptr) return;

    KnownMailbox& mailbox = *known;
    const StoreTime began = batch.began.time;
    if (measured.drift.Any()) {
        ++tally_.sweep.drifted;
        ++tally_.all.drifted;
        tally_.sweep.drift.bytes += measured.drift.bytes;
        tally_.sweep.drift.messages += measured.drift.messages;
        log::Warning("drift: the figures of {} were wrong by {} bytes and {} messages",
                     Quoted(task.mailbox), measured.drift.bytes, measured.drift.messages);
    }
    if (measured.changed || measured.drift.Any()) {
        ++tally_.sweep.changed;
        mailbox.changed_at = std::max({began, mailbox.offered_at + 1, mailbox.committed_at + 1});
        const auto took =
            std::chrono::ceil<std::chrono::milliseconds>(SteadyClock::now() - batch.began.asked);
        mailbox.change_took = static_cast<std::uint32_t>(took.count());
    }
    if (task.previous == nullptr || task.thoroughness == Thoroughness::kEverything)
        mailbox.verified_at = began;
    if (mailbox.record != measured.record) state_.has_changed = true;
    mailbox.record = std::move(measured.record);
    if (!IsDue(mailbox, began)) return;
    if (began <= mailbox.offered_at || MayBeIgnored(began, mailbox.stored_at)) {
        again_.insert(task.mailbox);
        return;
    }
    mailbox.offered_at = began;
    newest_ = std::max(newest_, began);  // that may be of before the clock was set back
    publisher_.Offer(task.mailbox, began,
                     batch.round != nullptr ? Publisher::Turn::kFirst : Publisher::Turn::kLater);
    state_.has_changed = true;
}

/// A changed mailbox is committed at once, and again when the grace of the reservations that the
/// change was made of is over; an unchanged one now and then, so that reservations for mail that
/// never came go, and the store can tell current figures from stale ones.
bool Scanner::IsDue(const KnownMailbox& mailbox, StoreTime began) const {
    return mailbox.committed_at < mailbox.changed_at || IsToSettle(mailbox, began) ||
           began >= mailbox.committed_at + options_.refresh_interval.count();
}

bool Scanner::IsToSettle(const KnownMailbox& mailbox, StoreTime now) const {
    const StoreTime settles = mailbox.changed_at + mailbox.change_took + options_.grace.count();
    return now >= settles && mailbox.committed_at < settles;
}

/// The latest first: after a scan of many that were not known, those that just changed are not to
/// wait behind all of them. Before them, what a sweep could not offer: the store's clock was set
/// back once more while that was waited for.
std::vector<std::string> Scanner::ToBeSettled() const {
    using Known = std::pair<const std::string, KnownMailbox>;
    const StoreTime now = std::max(comparison_.LookedAt(), began_.time);
    std::vector<const Known*> due;
    for (const Known& known : state_.mailboxes)
        if (known.second.record != nullptr && IsToSettle(known.second, now)) due.push_back(&known);
    const std::size_t count = std::min(due.size(), kMostSettled);
    std::partial_sort(due.begin(), due.begin() + static_cast<std::ptrdiff_t>(count), due.end(),
                      [](const Known* one, const Known* other) {
                          return one->second.changed_at > other->second.changed_at;
                      });
    std::vector<std::string> mailboxes(again_.begin(), again_.end());
    for (std::size_t i = 0; i < count; ++i) mailboxes.push_back(due[i]->first);
    return mailboxes;
}

async::Task<std::vector<std::string>> Scanner::Remeasure(std::vector<std::string> mailboxes) {
    if (files_ == nullptr) OpenRoot();
    const Beginning began = co_await AskTime();
    const auto now = SteadyClock::now();
    std::erase_if(resting_, [now](const auto& rest) { return rest.second <= now; });
    std::vector<std::string> done;
    const auto round = std::make_shared<MeasuringRound>();
    for (const std::string& path : mailboxes) {
        const auto known = state_.mailboxes.find(path);
        if (known != state_.mailboxes.end()) {
            if (stopped_ || known->second.in_flight || resting_.contains(path)) continue;
            SubmitAtOnce(known->first, known->second, began, round);
        }
        done.push_back(path);
    }
    co_await WaitFor(round, kLongestRound);
    co_await MeasureAgain(kLongestRound);
    publisher_.RetryRefused();
    co_await publisher_.FinishFirst(done);
    std::erase_if(done, [this](const std::string& path) {
        const auto known = state_.mailboxes.find(path);
        return (known != state_.mailboxes.end() && known->second.in_flight) ||
               again_.contains(path);
    });
    co_return done;
}

void Scanner::SubmitAtOnce(const std::string& path, KnownMailbox& mailbox, const Beginning& began,
                           const std::shared_ptr<MeasuringRound>& round) {
    mailbox.in_flight = true;
    MeasuringBatch batch{files_, began, round, {}, {}};
    batch.tasks.push_back(TaskFor(path, mailbox, Thoroughness::kWhatChanged));
    ++round->unmeasured;
    ++change_batches_;
    pool_.Submit(std::move(batch));
}

/// `most`, if anything: a huge mailbox, or one whose disk hangs, is no reason to keep others
/// waiting who have changed meanwhile. What takes longer is committed all the same.
async::Task<> Scanner::WaitFor(std::shared_ptr<MeasuringRound> round, WaitLimit most) {
    bool took_long = false;
    const auto give_up = [&took_long, round] {
        took_long = true;
        round->is_over.Set();
    };
    async::Timer patience(loop_.Raw(), give_up);
    if (most) patience.Start(*most);
    while (round->unmeasured > 0 && !took_long) co_await round->is_over.Wait();
}

/// Mailboxes of which the store has, or is about to get, a measurement that began later than the
/// last one: a sweep and a live measurement have crossed. The store would ignore what is true.
async::Task<> Scanner::MeasureAgain(WaitLimit most) {
    if (again_.empty() || stopped_) co_return;
    const std::set<std::string> again = std::exchange(again_, {});
    StoreTime newest = 0;
    for (const std::string& path : again)
        if (const auto known = state_.mailboxes.find(path); known != state_.mailboxes.end())
            newest = std::max({newest, known->second.offered_at, known->second.stored_at});
    co_await async::Sleep(loop_.Raw(), 2ms);  // the store counts milliseconds
    Beginning began = co_await AskTime();
    if (MayBeIgnored(began.time, newest)) {
        // The store's clock was set back, and would pass what it holds too soon.
        co_await async::Sleep(loop_.Raw(), std::chrono::milliseconds(newest - began.time + 1));
        began = co_await AskTime();
    }
    const auto round = std::make_shared<MeasuringRound>();
    for (const std::string& path : again) {
        const auto known = state_.mailboxes.find(path);
        if (known == state_.mailboxes.end()) continue;
        if (known->second.in_flight) {
            again_.insert(path);
        } else {
            SubmitAtOnce(known->first, known->second, began, round);
        }
    }
    co_await WaitFor(round, most);
}

async::Task<> Scanner::CompareWithStore() {
    co_await comparison_.TellOfDrift();
    for (auto& [path, mailbox] : state_.mailboxes) mailbox.committed_at = 0;
    state_.has_changed = true;
    // As in StoreHasLost().
    if (tally_.sweep.store_drifted > 0 && on_must_be_saved_) on_must_be_saved_();
}

/// Before anything is committed again: that makes no difference to it, and may take long. A store
/// that loses figures may lose more of them meanwhile, which is for the next sweep.
async::Task<> Scanner::MendDomains() {
    if (!owes_mending_ && !IsToLookIntoStore()) co_return;
    owes_mending_ = true;
    try {
        owes_mending_ = co_await comparison_.MendDomains();
        has_mended_ = true;
    } catch (const outage::Unavailable& error) {
        log::Warning("usage store: domains are not looked at: {}", error.what());
    }
}

/// For mailboxes that only it knows, and for what it has lost: all names have to be read.
bool Scanner::IsToLookIntoStore() const {
    const StoreTime interval = options_.verify_interval.count();
    const bool is_due = interval > 0 && began_.time >= state_.listed_store_at + interval;
    return !state_.knows_store || tally_.sweep.verified || options_.accept_removals || is_due;
}

async::Task<> Scanner::RemoveVanished(StoreTime looked) {
    if (state_.listed_store_at == 0) state_.listed_store_at = began_.time;
    std::set<std::string> only_in_store;
    if (IsToLookIntoStore()) {
        only_in_store = co_await comparison_.OnlyInStore(looked);
        state_.listed_store_at = began_.time;
        state_.has_changed = true;
    }
    if (!is_broken_off_) co_await vanished_.Remove(std::move(only_in_store), true);
}

/// As often as those of mailboxes that do not change. Where a disk may not be mounted, nothing is
/// known to be absent.
async::Task<> Scanner::DropReservationsOfAbsent() {
    const bool is_due = began_.time >= absent_at_ + options_.refresh_interval.count();
    if (!is_due || !vanished_.StoreIsWhole()) co_return;
    co_await absent_.DropReservations(files_);
    absent_at_ = began_.time;
}

void Scanner::SumUp() {
    for (const auto& [path, place] : state_.places)
        tally_.sweep.unreadable_places += place->unreadable;
    for (const auto& [path, mailbox] : state_.mailboxes) {
        if (vanished_.Contains(path) && vanished_.IsGone(path)) continue;
        ++tally_.sweep.mailboxes;
        if (mailbox.record == nullptr) {
            ++tally_.sweep.partial;
            continue;
        }
        tally_.sweep.bytes = AddBytes(tally_.sweep.bytes, mailbox.record->Bytes());
        tally_.sweep.messages += mailbox.record->Messages();
        if (mailbox.record->IsPartial() || mailbox.is_unmeasurable) ++tally_.sweep.partial;
        for (const FolderRecord& folder : mailbox.record->folders)
            tally_.sweep.directories += (folder.fresh.inode != 0) + (folder.seen.inode != 0);
    }
}

}  // namespace policyd::scanner
