#include "common/redis/reply.hpp"

#include <hiredis/hiredis.h>

#include <charconv>

#include "common/outage/unavailable.hpp"

namespace policyd::redis {

Reply CopyReply(const redisReply& reply) {
    Reply copy;
    switch (reply.type) {
        case REDIS_REPLY_INTEGER:
            copy.kind = Reply::Kind::kInteger;
            break;
        case REDIS_REPLY_ARRAY:
            copy.kind = Reply::Kind::kList;
            copy.elements.reserve(reply.elements);
            for (std::size_t i = 0; i < reply.elements; ++i)
                copy.elements.push_back(CopyReply(*reply.element[i]));
            break;
        case REDIS_REPLY_STRING:
        case REDIS_REPLY_STATUS:
            copy.kind = Reply::Kind::kText;
            copy.text.assign(reply.str, static_cast<std::size_t>(reply.len));
            break;
        case REDIS_REPLY_ERROR:
            copy.kind = Reply::Kind::kError;
            copy.text.assign(reply.str, static_cast<std::size_t>(reply.len));
            break;
        default:
            break;
    }
    return copy;
}

void RefuseNonsense() {
    throw outage::UsageStoreUnavailable("Redis gives an answer that makes no sense");
}

std::int64_t NumberIn(const Reply& reply) {
    std::int64_t number = 0;
    const char* const end = reply.text.data() + reply.text.size();
    const auto read = std::from_chars(reply.text.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end) RefuseNonsense();
    return number;
}

}  // namespace policyd::redis
