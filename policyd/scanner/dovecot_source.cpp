#include "policyd/scanner/dovecot_source.hpp"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <utility>

#include "common/log/logging.hpp"
#include "common/text/utf8.hpp"
#include "policyd/scanner/random_sample.hpp"
#include "policyd/scanner/vanished.hpp"

namespace policyd::scanner {

DovecotSource::DovecotSource(async::EventLoop& loop, usage::UsageStore& store,
                             const config::Settings& settings, MeasureSoon measure_soon,
                             bool accept_removals)
    : store_(store),
      settings_(settings),
      measure_soon_(std::move(measure_soon)),
      accept_removals_(accept_removals),
      figures_(loop, usage::DovecotServerFrom(settings), settings.dovecot_quota_clone_prefix),
      timer_(loop.Raw(), [this] { wake_up_.Set(); }) {
    // It may have lost figures, and refuse mail by old ones.
    if (IsOnlySource()) store_.OnReturn([this] { wake_up_.Set(); });
}

async::Task<ExitCode> DovecotSource::Run(bool once) {
    bool is_first = true;
    if (!once && IsOnlySource()) sd_notify(0, "READY=1\nSTATUS=waiting for the first figures");
    while (!stopped_) {
        std::string failure;
        try {
            co_await ReadOnce();
            if (std::exchange(is_first, false)) NoteStart();
        } catch (const outage::Unavailable& outage) {
            failure = outage.what();
        }
        if (!failure.empty()) log::Error("dovecot: {}", failure);
        if (once && !failure.empty()) co_return kFailed;
        if (once) co_return withheld_ > 0 ? kIncomplete : kDone;
        if (!stopped_) co_await WaitForNext();
    }
    co_return kDone;
}

void DovecotSource::NoteStart() const {
    log::Info("dovecot: its figures are followed from now on");
    if (IsOnlySource()) sd_notify(0, "STATUS=following Dovecot's figures");
}

void DovecotSource::Stop() {
    stopped_ = true;
    wake_up_.Set();
}

async::Task<> DovecotSource::WaitForNext() {
    timer_.Start(settings_.dovecot_quota_clone_interval);
    co_await wake_up_.Wait();
    timer_.Stop();
}

async::Task<> DovecotSource::ReadOnce() {
    const text::WallTime now = co_await store_.Now();
    usage::DovecotFigures figures = co_await figures_.ReadAll(now);
    NoteUnreadable(figures.unreadable);
    const bool any = !figures.measurements.empty();
    if (IsOnlySource()) co_await LookIntoStore();
    const std::vector<usage::Measurement> news = News(std::move(figures));
    co_await store_.Commit(news, settings_.reservation_grace);
    for (const usage::Measurement& measurement : news) {
        Known& known = known_[measurement.mailbox];
        known.bytes = measurement.bytes;
        known.messages = measurement.messages;
        known.committed = now;
        known.is_settled = now - known.changed > settings_.reservation_grace;
    }
    last_read_ = now;
    has_read_ = true;
    if (!any && known_.empty() && !std::exchange(told_of_none_, true))
        log::Warning(
            "dovecot: there are no figures at all: is dovecot_quota_clone_prefix as in "
            "Dovecot's quota_clone_dict?");
    if (IsOnlySource()) co_await RemoveGone(any);
}

/// At first it may hold what was there before; later it may have lost what it was told.
async::Task<> DovecotSource::LookIntoStore() {
    if (!knows_store_) {
        std::vector<std::string> names = co_await store_.MeasuredMailboxes();
        for (std::string& name : names) known_.try_emplace(std::move(name));
        knows_store_ = true;
        co_return;
    }
    const bool has_lost = co_await HasLostFigures();
    if (!has_lost) co_return;
    log::Warning("usage store: it has lost figures, everything is committed again");
    for (auto& [name, known] : known_) known.committed = text::WallTime();
}

/// What was committed at the last reading that committed anything goes first where the store was
/// put back to an earlier time, and any where it was emptied.
async::Task<bool> DovecotSource::HasLostFigures() {
    constexpr std::size_t kOfEach = 32;
    const auto seed = static_cast<unsigned>(last_read_.time_since_epoch().count());
    text::WallTime newest;
    for (const auto& [name, known] : known_) newest = std::max(newest, known.committed);
    RandomSample<std::pair<const std::string, Known>> recent(kOfEach, seed);
    RandomSample<std::pair<const std::string, Known>> any(kOfEach, seed);
    for (const auto& known : known_) {
        if (known.second.committed == text::WallTime()) continue;
        if (known.second.committed == newest) recent.Offer(known);
        any.Offer(known);
    }
    for (const auto* drawn : {&recent.Drawn(), &any.Drawn()}) {
        for (const auto* known : *drawn) {
            const std::optional<usage::Usage> usage = co_await store_.Find(known->first);
            if (!usage || !usage->measured_at || *usage->measured_at < known->second.committed)
                co_return true;
        }
    }
    co_return false;
}

/// Tells of them once, until there are others.
void DovecotSource::NoteUnreadable(const std::vector<std::string>& users) {
    if (std::exchange(unreadable_, users.size()) != users.size() && !users.empty())
        log::Warning("dovecot: the figures of {} users are no numbers, of \"{}\" for instance",
                     users.size(), text::EscapedForLog(users.front()));
}

/// What is to be committed of these figures.
std::vector<usage::Measurement> DovecotSource::News(usage::DovecotFigures figures) {
    for (auto& [name, known] : known_) known.is_gone = true;
    for (const std::string& user : figures.unreadable)
        if (const auto known = known_.find(user); known != known_.end())
            known->second.is_gone = false;
    std::vector<usage::Measurement> news;
    for (usage::Measurement& figure : figures.measurements) {
        const auto [at, is_new] = known_.try_emplace(figure.mailbox);
        Known& known = at->second;
        known.is_gone = false;
        known.is_of_dovecot = true;
        const bool is_same =
            !is_new && known.bytes == figure.bytes && known.messages == figure.messages;
        if (IsOnlySource()) {
            // What was committed after now was so before the store's clock was set back.
            const bool is_stored =
                known.committed != text::WallTime() && known.committed <= figure.began;
            // A message that is in it counts twice until it is committed past the grace.
            if (!is_same || figure.began < known.changed) {
                known.changed = figure.began;
                known.is_settled = false;
            }
            const bool settles =
                !known.is_settled && figure.began - known.changed > settings_.reservation_grace;
            if (is_same && is_stored && !settles &&
                figure.began - known.committed < settings_.scan_refresh_interval)
                continue;
        } else {
            if (is_same) continue;
            // Since when it has been so nobody can tell at first.
            if (!has_read_ || measure_soon_(figure.mailbox)) {
                known.bytes = figure.bytes;
                known.messages = figure.messages;
                continue;
            }
            figure.began = last_read_;
        }
        news.push_back(std::move(figure));
    }
    return news;
}

/// Of mailboxes whose figures have gone from Redis, unless that looks like an accident. Of those
/// that only the store knows nobody can tell whether they have gone or Dovecot has not counted them
/// yet.
async::Task<> DovecotSource::RemoveGone(bool any_left) {
    std::vector<std::string> gone;
    std::size_t unheard_of = 0;
    for (const auto& [name, known] : known_) {
        if (!known.is_gone) continue;
        if (known.is_of_dovecot || accept_removals_) {
            gone.push_back(name);
        } else {
            ++unheard_of;
        }
    }
    Vanishing vanishing;
    vanishing.vanished = gone.size();
    vanishing.known = known_.size();
    vanishing.root_is_empty = !any_left;
    const bool is_accident =
        !accept_removals_ && WhyNotRemoved(vanishing, settings_.scan_most_vanished_percent);
    withheld_ = unheard_of + (is_accident ? gone.size() : 0);
    if (std::exchange(gone_told_, withheld_) != withheld_ && withheld_ > 0)
        log::Error(
            "dovecot: alarm: of {} of {} mailboxes there are no figures: they are not removed; if "
            "they are meant to be gone, run policyd-scan --once --accept-removals while no other "
            "policyd-scan runs, if not, doveadm quota recalc",
            withheld_, known_.size());
    if (is_accident || gone.empty()) co_return;
    co_await store_.Remove(gone);
    for (const std::string& name : gone) known_.erase(name);
}

}  // namespace policyd::scanner
