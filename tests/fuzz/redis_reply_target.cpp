#include <hiredis/hiredis.h>

#include <memory>
#include <string>

#include "common/redis/reply.hpp"
#include "tests/fuzz/targets.hpp"

namespace policyd::fuzz {

void RunRedisReply(std::string_view bytes) {
    const std::unique_ptr<redisReader, decltype(&redisReaderFree)> reader(redisReaderCreate(),
                                                                          &redisReaderFree);
    redisReaderFeed(reader.get(), bytes.data(), bytes.size());
    void* reply = nullptr;
    while (redisReaderGetReply(reader.get(), &reply) == REDIS_OK && reply != nullptr) {
        redis::CopyReply(*static_cast<const redisReply*>(reply));
        freeReplyObject(reply);
    }
}

}  // namespace policyd::fuzz
