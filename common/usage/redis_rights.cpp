#include "common/usage/redis_rights.hpp"

#include "common/outage/unavailable.hpp"
#include "common/usage/redis_keys.hpp"

namespace policyd::usage {

/// Redis looks at the rights first. What would write then fails for being in such a script, and
/// there is nothing to be read.
const char* const kRightsScript = R"(#!lua flags=no-writes
local key = KEYS[1]
local calls = {
    {'TIME'}, {'SCAN', 0},
    {'GET', key}, {'SET', key, 1}, {'DEL', key}, {'PEXPIRE', key, 1},
    {'HGET', key, 1}, {'HMGET', key, 1}, {'HGETALL', key}, {'HLEN', key},
    {'HSET', key, 1, 1}, {'HDEL', key, 1},
    {'ZADD', key, 1, 1}, {'ZREM', key, 1}, {'ZRANGE', key, 0, 0}, {'ZRANGEBYSCORE', key, 0, 0},
    {'SADD', key, 1}, {'SREM', key, 1}, {'SPOP', key},
}
local denied = {}
for _, call in ipairs(calls) do
    local reply = redis.pcall(unpack(call))
    local failure = type(reply) == 'table' and reply.err
    if failure and not failure:find('Write commands are not allowed', 1, true) then
        denied[#denied + 1] = call[1]
    end
end
return denied
)";

async::Task<std::vector<std::string>> DeniedCommands(redis::Client& server) {
    const std::string key = std::string(kRedisKeyPrefix) + "nothing";
    std::vector<std::string> denied;
    try {
        const redis::Reply name =
            co_await server.Ask(redis::Request("SCRIPT", "LOAD", kRightsScript));
        // Both, since a script is sent in full where Redis has forgotten it.
        co_await server.Ask(redis::Request("EVAL", kRightsScript, 1, key));
        redis::Reply commands = co_await server.Ask(redis::Request("EVALSHA", name.text, 1, key));
        for (redis::Reply& command : commands.elements) denied.push_back(std::move(command.text));
    } catch (const outage::UsageStoreUnavailable& error) {
        if (error.IsMistake()) throw;
    }
    co_return denied;
}

}  // namespace policyd::usage
