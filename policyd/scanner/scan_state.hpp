#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "policyd/scanner/store_survey.hpp"

namespace policyd::scanner {

/// Milliseconds since 1970 by the usage store's clock; 0 is never.
using StoreTime = std::int64_t;

/// What is known of one mailbox.
struct KnownMailbox {
    RecordPointer record;      ///< null until it was measured
    StoreTime changed_at = 0;  ///< when the last measurement that differed began
    /// How long that took, with all that it waited for, in milliseconds: mail that it has seen may
    /// have been accepted meanwhile.
    std::uint32_t change_took = 0;
    StoreTime committed_at = 0;  ///< when the last measurement that the store took began
    StoreTime verified_at = 0;   ///< when the last reading of all its directories began
    // Not kept in the file:
    /// When what the store may hold of it began at the latest, also before its clock was set back.
    StoreTime stored_at = 0;
    StoreTime offered_at = 0;      ///< when the last measurement handed to the publisher began
    bool in_flight = false;        ///< being measured now
    bool is_unmeasurable = false;  ///< now, so that `record` is of before
};

/// All that a scan hands on to the next one.
struct ScanState {
    std::uint32_t root_device = 0;  ///< 0: no scan yet
    /// The usage store has no mailboxes but ours: its list was compared with ours since we began.
    bool knows_store = false;
    /// When it was compared last, or when the first sweep began; 0: never.
    StoreTime listed_store_at = 0;
    Places places;
    std::map<std::string, KnownMailbox> mailboxes;  ///< by path below the root
    bool has_changed = false;  ///< since it was last saved; not kept in the file
};

}  // namespace policyd::scanner
