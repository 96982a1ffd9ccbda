#pragma once

#include <memory>
#include <set>
#include <string>

#include "common/mail/mailbox_layout.hpp"
#include "policyd/scanner/publisher.hpp"
#include "policyd/scanner/scan_report.hpp"
#include "policyd/scanner/scan_state.hpp"
#include "policyd/scanner/scanner_options.hpp"
#include "policyd/scanner/store_files.hpp"

namespace policyd::scanner {

/// Mailboxes that were not found where they had been, and the removal of their entries from the
/// usage store, unless a disk seems to be missing. Loop thread.
class VanishedMailboxes {
public:
    /// All of them outlive it.
    VanishedMailboxes(ScanState& state, const mail::MailboxLayout& layout, Publisher& publisher,
                      const ScannerOptions& options, ScanTally& tally)
        : state_(state), layout_(layout), publisher_(publisher), options_(options), tally_(tally) {}

    /// Where IsGone() looks from now on.
    void LookIn(std::shared_ptr<const StoreFiles> files) { files_ = std::move(files); }

    void Clear() { paths_.clear(); }
    void Insert(const std::string& path) { paths_.insert(path); }
    bool Contains(const std::string& path) const { return paths_.contains(path); }

    /// Whether a mailbox that was not found is really not there, by asking for it.
    bool IsGone(const std::string& path) const;
    /// Whether it is, or another directory has taken the place of the one that was measured.
    bool HasGone(const std::string& path, const DirectoryStamp& measured) const;

    /// Forgets those that are gone, and removes their entries and those of `only_in_store`,
    /// addresses, from the usage store; or raises the alarm, also for those alone whose disk seems
    /// to be missing. `knows_store` is what the state says afterwards. Throws as
    /// Publisher::Remove().
    async::Task<> Remove(std::set<std::string> only_in_store, bool knows_store);

    /// Whether the mail store looks like all that belongs there, as of the last Remove().
    bool StoreIsWhole() const { return !is_alarmed_ && !root_is_empty_; }

    /// The next alarm is told of even if it is the same as the last.
    void TellAgain() { withheld_told_ = 0; }

private:
    const std::string* MissingDiskAbove(const std::string& path) const;
    bool HasAnyBelow(const std::string& place) const;
    void ForgetDisks();
    void Raise(const std::string& why, std::uint64_t withheld);
    void CallOff();

    ScanState& state_;
    const mail::MailboxLayout& layout_;
    Publisher& publisher_;
    const ScannerOptions& options_;
    ScanTally& tally_;
    std::shared_ptr<const StoreFiles> files_;
    std::set<std::string> paths_;
    std::uint64_t withheld_told_ = 0;
    bool is_alarmed_ = false;
    bool root_is_empty_ = true;
};

}  // namespace policyd::scanner
