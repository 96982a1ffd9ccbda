#pragma once

struct redisAsyncContext;

namespace policyd::redis {

/// Has a connection end where a reply comes that nobody has asked for: hiredis 0.14 ends the
/// process, by an assertion. An error it takes for the server's farewell, which is left to it.
void EndAtUnaskedReplies(redisAsyncContext& context);

/// Of a connection that has ended with nothing in flight: whether that was why.
bool HasEndedAtUnaskedReply(const redisAsyncContext& context);

}  // namespace policyd::redis
