#pragma once

#include <string>
#include <string_view>

namespace policyd::checks {

/// What the value in an access(5) table says, with the words of `check_table_result` of Postfix's
/// smtpd.
struct AccessResult {
    enum class Kind {
        kPermit,  ///< OK, RELAY, digits alone, `permit`
        kNext,    ///< DUNNO: the next table, or what follows the tables
        kNote,    ///< WARN, INFO: `text` is for the log, and then as kNext
        kAside,  ///< `action` is done if nothing later refuses: HOLD, PREPEND, DEFER_IF_PERMIT, …
        kRestrict,  ///< `action` is a list of restrictions that can refuse, and then as kNext
        kDelegate,  ///< `action` is a list of restrictions that decides in any case
        kDecide,    ///< `action` is the answer: a refusal or DISCARD
    };

    Kind kind = Kind::kNext;
    std::string action;  ///< kAside, kRestrict, kDelegate, kDecide: fit for a policy reply
    std::string text;    ///< kNote
};

/// Lists of Postfix's own restrictions are passed on for smtpd to evaluate: those of `reject_…`
/// words alone, and those with a `permit`, `reject` or `defer` at their end. Throws
/// std::invalid_argument where Postfix would answer 451 (a word that it does not know), and for
/// lists that may permit or not: what is to follow them would depend on what smtpd finds.
AccessResult ParseAccessResult(std::string_view value);

/// Whether an action refuses for good: REJECT or 5NN.
bool RefusesForGood(std::string_view action);

}  // namespace policyd::checks
