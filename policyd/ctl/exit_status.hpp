#pragma once

namespace policyd::ctl {

/// How policyctl ends: sysexits(3), with postmap(1)'s 0 and 1 for what is found and what is not.
enum ExitStatus : int {
    kSuccess = 0,
    kNotFound = 1,        ///< a key, mailbox or address that does not exist
    kUsageError = 64,     ///< EX_USAGE: the command line
    kServerAway = 69,     ///< EX_UNAVAILABLE: no answer from the policy server
    kInternalError = 70,  ///< EX_SOFTWARE
    kTemporaryFailure =
        75,  ///< EX_TEMPFAIL: a table or store could not answer, or a thread is missing
    kBadConfiguration = 78,  ///< EX_CONFIG: policyd.toml or a table file has a mistake
};

}  // namespace policyd::ctl
