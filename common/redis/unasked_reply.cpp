#include "common/redis/unasked_reply.hpp"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

namespace policyd::redis {

namespace {

using Functions = redisReplyObjectFunctions;

/// What hiredis itself makes replies with.
const Functions& Plain() {
    static const Functions plain = [] {
        redisReader* const reader = redisReaderCreate();
        const Functions functions = *reader->fn;
        redisReaderFree(reader);
        return functions;
    }();
    return plain;
}

/// Asked before the first object of a reply is made. One that is not made is short memory to
/// hiredis, which ends the connection.
bool IsAsked(const redisReadTask* task) {
    if (task->parent != nullptr || task->type == REDIS_REPLY_ERROR) return true;
    return static_cast<const redisAsyncContext*>(task->privdata)->replies.head != nullptr;
}

Functions Guarded() {
    Functions functions = Plain();
    functions.createString = [](const redisReadTask* task, char* text, std::size_t length) {
        return IsAsked(task) ? Plain().createString(task, text, length) : nullptr;
    };
    functions.createArray = [](const redisReadTask* task, int elements) {
        return IsAsked(task) ? Plain().createArray(task, elements) : nullptr;
    };
    functions.createInteger = [](const redisReadTask* task, long long number) {
        return IsAsked(task) ? Plain().createInteger(task, number) : nullptr;
    };
    functions.createNil = [](const redisReadTask* task) {
        return IsAsked(task) ? Plain().createNil(task) : nullptr;
    };
    return functions;
}

}  // namespace

void EndAtUnaskedReplies(redisAsyncContext& context) {
    static Functions guarded = Guarded();
    context.c.reader->fn = &guarded;
    context.c.reader->privdata = &context;
}

bool HasEndedAtUnaskedReply(const redisAsyncContext& context) {
    return context.err == REDIS_ERR_OOM;
}

}  // namespace policyd::redis
