#pragma once

#include <chrono>
#include <memory>

namespace policyd::async {

/// Destroys what takes long to destroy, such as a million remembered answers, on a thread of its
/// own that gives way to all others: a loop has no time for that. For what may end on any thread.
/// Any thread.
void DestroyElsewhere(std::shared_ptr<const void> remains);

/// Waits until all of it is destroyed; what is handed over from now on is destroyed at once. What
/// main() does last: what libraries do at the exit of a process goes badly with threads that still
/// use them, as those of a WorkerPool may. False where it takes longer than `patience`, as where
/// such a thread waits for a name server that keeps silent, and where a DetachedThread is left:
/// then the process leaves by _exit(2).
bool FinishDestroying(std::chrono::milliseconds patience = std::chrono::seconds(1));

/// Lets other threads go before the calling one wherever there is not enough processor for all.
void GiveWay() noexcept;

}  // namespace policyd::async
