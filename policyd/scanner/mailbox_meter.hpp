#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "policyd/scanner/mailbox_record.hpp"
#include "policyd/scanner/message_counter.hpp"
#include "policyd/scanner/obstacle.hpp"
#include "policyd/scanner/pace.hpp"

namespace policyd::scanner {

/// How much of the remembered is believed.
enum class Thoroughness {
    kWhatChanged,  ///< directories whose stamps are the remembered ones are not read
    kEverything,   ///< every directory is read, and compared with what was remembered of it
};

/// Figures that were wrong although nothing showed it: a directory with the remembered stamp that
/// holds something else.
struct Drift {
    std::uint64_t bytes = 0;  ///< sum of the differences, whatever their direction
    std::uint64_t messages = 0;
    bool Any() const { return bytes != 0 || messages != 0; }
};

struct MeasuredMailbox {
    /// The previous record itself where nothing changed; null if there is no such mailbox, or
    /// nothing can be said of it (`mailbox` then tells which).
    RecordPointer record;
    Sight mailbox = Sight::kThere;
    bool changed = false;  ///< something in it is not what it was, even if the sums are
    Drift drift;
    std::vector<Obstacle> obstacles;  ///< those that were readable the last time
    ScanWork work;
    std::chrono::nanoseconds paused{0};  ///< for the pace
    std::chrono::nanoseconds took{0};    ///< without pauses
};

/// Measures mailboxes, one after the other. One for each thread; what it is made of outlives it.
class MailboxMeter {
public:
    MailboxMeter(const StoreFiles& files, const CountingRules& rules, Pace& pace,
                 FileClock clock = &CoarseFileClock)
        : files_(files), rules_(rules), pace_(pace), clock_(clock), counter_(files, rules, clock) {}

    /// `mailbox` is the path of its directory below the root; `previous` may be null. Where it is a
    /// place, other mailboxes are in it.
    MeasuredMailbox Measure(const std::string& mailbox, const RecordPointer& previous,
                            Thoroughness thoroughness, bool is_place = false);

    /// From now on it keeps nobody waiting for the pace.
    void BeInHaste(bool in_haste) { in_haste_ = in_haste; }

private:
    struct Job;
    struct Pair;

    std::string FindStray(Job& job, const std::vector<std::string>& others);
    void Spend(Job& job, std::uint64_t work);

    void ListFolders(Job& job);
    std::size_t CountUnchanged(Job& job);
    int ReadFolderNames(Job& job, const OpenedDirectory& directory,
                        std::vector<std::string>& names);
    void AppendFolder(Job& job, std::string_view name);
    void LookAtIgnored(Job& job, std::string_view name, const FolderRecord* known,
                       FolderRecord& folder);
    void TakeStamp(Job& job, const std::string& path, const DirectoryRecord* known,
                   DirectoryRecord& record);
    void MeasurePair(Job& job, std::string_view name, const FolderRecord* known,
                     FolderRecord& folder);
    void CountWhatMoves(Job& job, const Pair& pair, FolderRecord& folder);
    bool MeasureDirectory(Job& job, const std::string& path, const DirectoryRecord* known,
                          bool read_anyway, DirectoryRecord& record);
    void Obstruct(Job& job, const std::string& path, int error, const DirectoryRecord* known,
                  DirectoryRecord& record);
    void NoteDrift(Job& job, const DirectoryRecord* known, const DirectoryRecord* now) const;
    void ConfirmMailbox(Job& job);

    const StoreFiles& files_;
    const CountingRules& rules_;
    Pace& pace_;
    FileClock clock_;
    MessageCounter counter_;
    EntryReader folder_reader_;
    std::string path_;  // kept for its memory
    bool in_haste_ = false;
};

}  // namespace policyd::scanner
