#pragma once

#include <memory>

namespace policyd::async {

/// Destroys what takes long to destroy, such as a million remembered answers, on a thread of its
/// own that gives way to all others: a loop has no time for that. For what may end on any thread.
/// Any thread.
void DestroyElsewhere(std::shared_ptr<const void> remains);

/// Lets other threads go before the calling one wherever there is not enough processor for all.
void GiveWay() noexcept;

}  // namespace policyd::async
