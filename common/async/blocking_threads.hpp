#pragma once

#include "common/async/event_loop.hpp"

namespace policyd::async {

/// Has libuv make the threads of its pool, which BlockingCall uses. It would make them for the
/// first of these, and end the process where it cannot. Throws
/// std::system_error where there can be no more threads. Before the loop runs.
void StartBlockingThreads(EventLoop& loop);

}  // namespace policyd::async
