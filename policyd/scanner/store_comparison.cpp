#include "policyd/scanner/store_comparison.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "common/async/when_all.hpp"
#include "common/log/logging.hpp"
#include "common/text/utf8.hpp"

namespace policyd::scanner {

namespace {

/// 0 for one that never was.
StoreTime MeasuredAt(const usage::Usage& usage) {
    return usage.measured_at ? usage.measured_at->time_since_epoch().count() : 0;
}

}  // namespace

async::Task<bool> StoreComparison::HasLostFigures() {
    std::vector<bool> lost;
    try {
        const text::WallTime time = co_await store_.Now();
        const StoreTime now = time.time_since_epoch().count();
        const std::vector<CommittedMailbox> sample =
            SampleOfCommitted(state_, looked_at_, static_cast<unsigned>(now));
        std::vector<async::Task<bool>> looks;
        std::set<std::string> domains;
        for (const CommittedMailbox& committed : sample) {
            const auto address = layout_.AddressOf(committed.path);
            if (!address) continue;
            looks.push_back(IsLost(committed, *address));
            const bool is_another = domains.emplace(usage::DomainOf(*address)).second;
            if (is_another) looks.push_back(IsLostInItsDomain(*address));
        }
        lost = co_await async::WhenAll(std::move(looks));
        looked_at_ = now;
    } catch (const outage::Unavailable&) {
        co_return false;  // the next to ask waits for it and tells
    }
    co_return std::find(lost.begin(), lost.end(), true) != lost.end();
}

async::Task<bool> StoreComparison::IsLost(const CommittedMailbox& committed, std::string address) {
    const std::optional<usage::Usage> usage = co_await store_.Find(address);
    const auto known = state_.mailboxes.find(committed.path);
    const bool is_as_it_was =
        known != state_.mailboxes.end() && known->second.committed_at >= committed.at;
    if (!is_as_it_was) co_return false;  // removed meanwhile, for instance
    // Another scanner may have found out before us that the mailbox is gone.
    if (!usage || !usage->measured_at) co_return !vanished_.IsGone(committed.path);
    co_return MeasuredAt(*usage) < committed.at;
}

/// Whether the domain has less than this mailbox alone.
async::Task<bool> StoreComparison::IsLostInItsDomain(std::string address) {
    const std::optional<usage::Usage> usage = co_await store_.Find(address);
    if (!usage) co_return false;
    const auto domain = co_await store_.FindDomain(usage::DomainOf(address));
    if (domain && domain->bytes >= usage->bytes && domain->messages >= usage->messages)
        co_return false;
    // Unless it has just changed.
    const std::optional<usage::Usage> again = co_await store_.Find(address);
    co_return again == usage;
}

async::Task<bool> StoreComparison::MendDomains() {
    const usage::MendedDomains domains = co_await store_.MendDomains();
    for (const auto& [domain, what] : domains.broken)
        log::Warning("usage store: the domain \"{}\" is left as it is: {}",
                     text::EscapedForLog(domain), text::EscapedForLog(what));
    const std::vector<std::string>& wrong = domains.wrong;
    if (wrong.empty()) co_return false;
    if (!tally_.sweep.verified)
        log::Warning("usage store: its figures of {} domains, such as \"{}\", were wrong: mended",
                     wrong.size(), text::EscapedForLog(wrong.front()));
    for (const std::string& domain : wrong) {
        if (!tally_.sweep.verified) break;
        CountDrift();
        log::Warning(
            "drift: the usage store had figures for the domain \"{}\" that were not those "
            "of its mailboxes",
            text::EscapedForLog(domain));
    }
    co_return true;
}

void StoreComparison::ClockWasSetBackTo(StoreTime now) {
    looked_at_ = std::min(looked_at_, now);
}

async::Task<> StoreComparison::TellOfDrift() {
    for (const auto& [path, mailbox] : state_.mailboxes) {
        if (mailbox.record == nullptr) ++tally_.sweep.not_compared;
        if (mailbox.record == nullptr || mailbox.committed_at < mailbox.changed_at) continue;
        if (mailbox.record->HasUnknownParts()) continue;  // the store may know better
        const auto address = layout_.AddressOf(path);
        if (!address) continue;
        const RecordPointer record = mailbox.record;
        const std::optional<usage::Usage> usage = co_await store_.Find(*address);
        const bool same = usage && usage->measured_at && usage->bytes == record->Bytes() &&
                          usage->messages == record->Messages();
        // One that was measured meanwhile may have been told, or not yet.
        if (same || mailbox.record != record) continue;
        const bool is_measured = usage && usage->measured_at;
        // Somebody else has measured it since, or another source of figures has told of it.
        if (is_measured && MeasuredAt(*usage) > mailbox.committed_at) continue;
        // Or another scanner has removed it.
        if (!is_measured && vanished_.HasGone(path, record->stamp)) continue;
        CountDrift();
        log::Warning(
            "drift: the usage store has {} for \"{}\", it was told {} bytes and {} messages",
            is_measured ? fmt::format("{} bytes and {} messages", usage->bytes, usage->messages)
                        : std::string("nothing"),
            text::EscapedForLog(*address), record->Bytes(), record->Messages());
    }
}

async::Task<std::set<std::string>> StoreComparison::OnlyInStore(StoreTime looked) {
    const std::vector<std::string> measured = co_await publisher_.MeasuredMailboxes();
    std::set<std::string> strangers;
    for (const std::string& address : measured) {
        const auto directory = layout_.DirectoryOf(address);
        if (!directory) continue;
        // Where the layout folds names, several addresses have the directory of one.
        const bool is_its_own = layout_.AddressOf(*directory) == address;
        const bool is_known = state_.mailboxes.contains(*directory);
        if (is_known ? is_its_own : !vanished_.IsGone(*directory)) continue;
        strangers.insert(address);
        if (!tally_.sweep.verified) continue;
        const std::optional<usage::Usage> usage = co_await store_.Find(address);
        // Another scanner has seen it come, and may not have seen yet that it is gone.
        if (usage && MeasuredAt(*usage) >= looked) continue;
        CountDrift();
        log::Warning("drift: the usage store has figures for \"{}\", which is no mailbox",
                     text::EscapedForLog(address));
    }
    co_return strangers;
}

void StoreComparison::CountDrift() {
    ++tally_.sweep.store_drifted;
    ++tally_.all.drifted;
}

}  // namespace policyd::scanner
