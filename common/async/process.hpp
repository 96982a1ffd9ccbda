#pragma once

#include <initializer_list>

namespace policyd::async {

/// What main() does before all else. A standard descriptor that is closed becomes /dev/null: the
/// next file would take its place, and be written to as if it were the terminal. No signal stays
/// blocked that whoever started the program had blocked, and what became of programs that we start
/// comes to us also where he ignores his own. SIGPIPE and SIGXFSZ are ignored: a write
/// that fails says so by itself.
void BeginProcess();

/// Whether all that was printed has been taken. Where whoever read it has gone, the process ends as
/// if SIGPIPE were not ignored, without a word: that is how `policyctl … | head` ends.
bool HasPrintedAll();

/// Has each be ignored until somebody watches for it.
void IgnoreSignals(std::initializer_list<int> signals);

/// Has no signal come to the calling thread: it would interrupt what the thread waits for.
void LeaveSignalsToOtherThreads();

}  // namespace policyd::async
