#include "policyd/scanner/publisher.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "common/async/sleep.hpp"
#include "common/log/logging.hpp"
#include "common/text/utf8.hpp"

namespace policyd::scanner {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestPause{5'000};
constexpr milliseconds kSlice{100};  // how soon a pause notices that it is time to stop
constexpr int kShortPatience = 6;    // failures in a row: about three seconds of pauses
/// More mailboxes than this, one after the other, which the store does not take: perhaps it takes
/// none, and is not asked for all of them without a pause.
constexpr std::size_t kMostSuspects = 8;

/// Behind all mailboxes of the same domain, mostly: it may be about that.
std::string BehindDomainOf(const std::string& mailbox) {
    return mailbox.substr(0, mailbox.find('/')) + static_cast<char>('/' + 1);
}

using NamesByFailure = std::map<std::string, std::vector<std::string>>;

void SayRefused(std::string_view what, const NamesByFailure& refused) {
    for (const auto& [failure, mailboxes] : refused) {
        std::string names;
        for (const std::string& mailbox : mailboxes)
            names += (names.empty() ? "" : ", ") + text::EscapedForLog(mailbox);
        log::Error("usage store: it refuses {} {}: {}", what, names, failure);
    }
}

milliseconds PauseAfter(int failures) {
    return std::min(kLongestPause, milliseconds(100) * (1 << std::min(failures - 1, 10)));
}

}  // namespace

Publisher::Publisher(async::EventLoop& loop, usage::UsageStore& store, ScanState& state,
                     const mail::MailboxLayout& layout, milliseconds grace, Patience patience)
    : loop_(loop),
      store_(store),
      state_(state),
      layout_(layout),
      grace_(grace),
      patience_(patience),
      retry_(loop.Raw(), [this] { RetryRefused(); }) {
    retry_.KeepsLoopAlive(false);
}

void Publisher::Offer(const std::string& mailbox, StoreTime began, Turn turn) {
    refused_.erase(mailbox);
    suspects_.erase(mailbox);
    due_[mailbox] = began;
    if (turn == Turn::kFirst) first_.insert(mailbox);
    StartCommitting();
}

void Publisher::StartCommitting() {
    if (committing_ || due_.empty()) return;
    committing_ = true;
    // A store fails with Unavailable, which CommitAll() waits out: anything else is a bug.
    async::Spawn(CommitAll());
}

void Publisher::RetryRefused() {
    due_.merge(refused_);
    refused_.clear();
    StartCommitting();
}

async::Task<> Publisher::Finish() {
    while (committing_) co_await moved_on_.Wait();
}

async::Task<> Publisher::FinishFirst(std::vector<std::string> mailboxes) {
    for (const std::string& mailbox : mailboxes)
        while (committing_ && first_.contains(mailbox)) co_await moved_on_.Wait();
}

async::Task<> Publisher::FinishBatch() {
    while (is_under_way_) co_await moved_on_.Wait();
}

async::Task<> Publisher::CommitAll() {
    // What else has been measured by the next turn of the loop goes along.
    co_await async::Sleep(loop_.Raw(), milliseconds(0));
    while (!due_.empty()) {
        const Batch batch = TakeBatch();
        std::vector<usage::Measurement> measurements;
        std::string failure;
        is_under_way_ = true;
        try {
            measurements = co_await MeasurementsOf(batch);
            co_await store_.Commit(measurements, grace_);
        } catch (const outage::UsageStoreTakesNothing& refusal) {
            failure = refusal.what();
            takes_nothing_ = true;
        } catch (const outage::Unavailable& outage) {
            failure = outage.what();
            takes_nothing_ = false;
        }
        is_under_way_ = false;
        if (failure.empty()) {
            NoteCommitted(batch);
            committed_ += measurements.size();
        } else {
            due_.insert(batch.begin(), batch.end());  // but for what was measured again meanwhile
        }
        moved_on_.Set();
        if (failure.empty()) continue;
        // It may be about one of them alone: the others are not to wait for that.
        if (!takes_nothing_ && batch.size() > 1) {
            most_in_batch_ = batch.size() / 2;
            continue;
        }
        const auto& [mailbox, began] = batch.front();
        bool is_about_it = false;
        if (!takes_nothing_) is_about_it = co_await StoreAnswers();
        if (is_about_it) {
            const auto due = due_.find(mailbox);
            if (due != due_.end() && due->second == began) {
                due_.erase(due);
                suspects_.insert_or_assign(mailbox, Suspect{began, failure});
            }
            if (suspects_.size() <= kMostSuspects) continue;
            probe_from_ = BehindDomainOf(mailbox);
        }
        const bool go_on = co_await WaitOut(failure);
        if (go_on) continue;
        if (!stopped_ && !std::exchange(has_given_up_, true))
            log::Error("usage store: {}; given up", failure);
        break;
    }
    const bool takes_none = !due_.empty() || suspects_.size() > kMostSuspects;
    if (takes_none) {  // that has been said once for all
        for (const auto& [mailbox, suspect] : std::exchange(suspects_, {}))
            Refuse(mailbox, suspect.began);
    } else {
        SetAside(std::exchange(suspects_, {}));
    }
    committing_ = false;
    moved_on_.Set();
    on_finished_();
    RetryLater();
}

void Publisher::NoteCommitted(const Batch& batch) {
    Recovered();
    most_in_batch_ = std::min(most_in_batch_ * 2, kBatch);
    probe_from_.clear();
    for (const auto& [mailbox, began] : batch) {
        told_refused_.erase(mailbox);
        tried_again_.erase(mailbox);
        if (!due_.contains(mailbox)) first_.erase(mailbox);
        const auto known = state_.mailboxes.find(mailbox);
        // Offered before the store's clock was set back, it is dated in the future.
        if (known != state_.mailboxes.end() && known->second.offered_at >= began)
            known->second.committed_at = known->second.stored_at = began;
    }
    JudgeSuspects();
}

async::Task<bool> Publisher::StoreAnswers() {
    try {
        co_await store_.Now();
        co_return true;
    } catch (const outage::Unavailable&) {
        co_return false;  // it is waited for as long as it takes
    }
}

/// The store takes something: what it refuses now as well, it refuses for what that is. Perhaps it
/// took nothing until now.
void Publisher::JudgeSuspects() {
    Suspects at_fault;
    for (const auto& [mailbox, suspect] : std::exchange(suspects_, {})) {
        const bool was_tried_again = tried_again_.erase(mailbox) > 0;
        if (was_tried_again || told_refused_.contains(mailbox)) {
            at_fault.emplace(mailbox, suspect);
        } else {
            due_.emplace(mailbox, suspect.began);
            tried_again_.insert(mailbox);
        }
    }
    SetAside(at_fault);
}

/// At once for all that it refuses for the same.
void Publisher::SetAside(const Suspects& refused) {
    NamesByFailure untold;
    for (const auto& [mailbox, suspect] : refused) {
        Refuse(mailbox, suspect.began);
        if (told_refused_.insert(mailbox).second) untold[suspect.failure].push_back(mailbox);
    }
    SayRefused("the figures of", untold);
}

void Publisher::Refuse(const std::string& mailbox, StoreTime began) {
    refused_.emplace(mailbox, began);
    first_.erase(mailbox);
}

/// Perhaps it took nothing at all: that is not to be found out at the next scan only.
void Publisher::RetryLater() {
    if (refused_.empty()) retry_pause_ = kFirstRetry;
    if (refused_.empty() || stopped_ || patience_ != Patience::kForever) return;
    retry_.Start(retry_pause_);
    retry_pause_ = std::min(2 * retry_pause_, kLastRetry);
}

void Publisher::Stop() {
    stopped_ = true;
    retry_.Stop();
}

Publisher::Batch Publisher::TakeBatch() {
    Batch batch;
    const auto take = [this, &batch](std::map<std::string, StoreTime>::iterator next) {
        auto taken = due_.extract(next);
        batch.emplace_back(std::move(taken.key()), taken.mapped());
    };
    const bool is_probe = !probe_from_.empty();  // the first ones may be those that are refused
    for (auto first = first_.begin(); !is_probe && first != first_.end(); ++first) {
        if (batch.size() == most_in_batch_) break;
        if (const auto next = due_.find(*first); next != due_.end()) take(next);
    }
    while (!due_.empty() && batch.size() < most_in_batch_) {
        const auto next = due_.lower_bound(probe_from_);
        take(next != due_.end() ? next : due_.begin());
    }
    return batch;
}

async::Task<std::vector<usage::Measurement>> Publisher::MeasurementsOf(const Batch& batch) {
    std::vector<usage::Measurement> measurements;
    for (const auto& [mailbox, began] : batch) {
        const auto known = state_.mailboxes.find(mailbox);
        if (known == state_.mailboxes.end() || known->second.record == nullptr) continue;
        const auto address = layout_.AddressOf(mailbox);
        if (!address) continue;
        const RecordPointer record = known->second.record;
        usage::Measurement measurement{*address, record->Bytes(), record->Messages(),
                                       text::WallTime(milliseconds(began))};
        if (record->HasUnknownParts()) {
            const bool is_known_better = co_await IsKnownBetter(measurement);
            if (is_known_better) continue;
        }
        measurements.push_back(std::move(measurement));
    }
    co_return measurements;
}

/// What the store has of a mailbox may be from when all of it could be read.
async::Task<bool> Publisher::IsKnownBetter(const usage::Measurement& measurement) {
    const std::optional<usage::Usage> usage = co_await store_.Find(measurement.mailbox);
    co_return usage && usage->measured_at && usage->bytes >= measurement.bytes &&
        usage->messages >= measurement.messages;
}

async::Task<StoreTime> Publisher::AskTime() {
    for (;;) {
        std::exception_ptr outage;
        std::string failure;
        try {
            const text::WallTime now = co_await store_.Now();
            if (!takes_nothing_) Recovered();
            co_return now.time_since_epoch().count();
        } catch (const outage::Unavailable& unavailable) {
            outage = std::current_exception();
            failure = unavailable.what();
        }
        const bool go_on = co_await WaitOut(std::move(failure));
        if (!go_on) std::rethrow_exception(outage);
    }
}

async::Task<std::vector<std::string>> Publisher::MeasuredMailboxes() {
    AskForNames ask = [this] { return store_.MeasuredMailboxes(); };
    co_return co_await Names(std::move(ask));
}

async::Task<std::vector<std::string>> Publisher::UnmeasuredMailboxes() {
    AskForNames ask = [this] { return store_.UnmeasuredMailboxes(); };
    co_return co_await Names(std::move(ask));
}

async::Task<std::vector<std::string>> Publisher::Names(AskForNames ask) {
    bool has_failed_alone = false;  // or the store is only just back
    for (;;) {
        std::exception_ptr outage;
        std::string failure;
        try {
            std::vector<std::string> names = co_await ask();
            if (!takes_nothing_) Recovered();
            co_return names;
        } catch (const outage::Unavailable& unavailable) {
            outage = std::current_exception();
            failure = unavailable.what();
        }
        const bool answers = co_await StoreAnswers();
        if (answers && std::exchange(has_failed_alone, true)) std::rethrow_exception(outage);
        if (answers) continue;
        const bool go_on = co_await WaitOut(std::move(failure));
        if (!go_on) std::rethrow_exception(outage);
    }
}

async::Task<std::size_t> Publisher::Remove(std::vector<std::string> addresses) {
    const Change remove{"to remove", [this](auto some) { return store_.Remove(some); }};
    co_return co_await ChangeInBatches(std::move(addresses), remove);
}

async::Task<> Publisher::NoteAbsent(std::vector<std::string> addresses, StoreTime looked) {
    const auto note = [this, looked](auto some) {
        return store_.NoteAbsent(some, text::WallTime(milliseconds(looked)), grace_);
    };
    const Change drop{"to drop what is reserved in", note};
    co_await ChangeInBatches(std::move(addresses), drop);
}

/// A batch that the store refuses while it answers is halved, until one mailbox is left that is at
/// fault itself. Returns how many of those there are.
async::Task<std::size_t> Publisher::ChangeInBatches(std::vector<std::string> addresses,
                                                    Change change) {
    std::size_t refused = 0;
    NamesByFailure untold;
    std::size_t most = kBatch;
    bool is_suspect = false;  // the next one
    for (std::size_t at = 0; at < addresses.size();) {
        const std::size_t size = std::min(most, addresses.size() - at);
        const std::span<const std::string> some(addresses.data() + at, size);
        std::exception_ptr outage;
        std::string failure;
        try {
            co_await change.make(some);
            Recovered();
        } catch (const outage::UsageStoreTakesNothing& refusal) {
            outage = std::current_exception();
            failure = refusal.what();
            takes_nothing_ = true;
        } catch (const outage::Unavailable& unavailable) {
            outage = std::current_exception();
            failure = unavailable.what();
            takes_nothing_ = false;
        }
        if (outage == nullptr) {
            for (const std::string& address : some) told_unchanged_.erase(address);
            at += size;
            most = std::min(most * 2, kBatch);
            is_suspect = false;
            continue;
        }
        bool answers = false;
        if (!takes_nothing_) answers = co_await StoreAnswers();
        if (!answers) {
            const bool go_on = co_await WaitOut(std::move(failure));
            if (!go_on) std::rethrow_exception(outage);
        } else if (size > 1) {
            most = size / 2;
        } else if (std::exchange(is_suspect, !is_suspect)) {  // or the store is only just back
            ++refused;
            if (told_unchanged_.insert(addresses[at]).second)
                untold[failure].push_back(addresses[at]);
            ++at;
        }
    }
    SayRefused(change.name, untold);
    co_return refused;
}

async::Task<bool> Publisher::WaitOut(std::string what) {
    if (++failures_ == 1) {
        log::Warning("usage store: {}; trying again", what);
        on_store_(false);
    }
    milliseconds left = PauseAfter(failures_);
    for (; left.count() > 0 && !stopped_; left -= kSlice)
        co_await async::Sleep(loop_.Raw(), std::min(left, kSlice));
    co_return !stopped_ && (patience_ == Patience::kForever || failures_ < kShortPatience);
}

void Publisher::Recovered() {
    takes_nothing_ = has_given_up_ = false;
    if (std::exchange(failures_, 0) == 0) return;
    log::Info("usage store: it answers again");
    on_store_(true);
}

}  // namespace policyd::scanner
