#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "common/redis/client.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::usage {

/// Measurements as calls of kCommitScript, none of which holds up others for long.
struct RedisCommitCalls {
    std::vector<redis::ScriptCall> calls;
    /// The mailboxes, as indexes of the measurements, that each element of the calls' replies is
    /// about: for each call as many as it has arguments behind the header.
    std::vector<std::vector<std::size_t>> parts;
};

/// `header` is the calls' first argument.
RedisCommitCalls MakeCommitCalls(std::span<const Measurement> measurements,
                                 std::string_view header);

}  // namespace policyd::usage
