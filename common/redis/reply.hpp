#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct redisReply;

namespace policyd::redis {

/// What Redis answered: a copy, as hiredis frees its own when the callback returns.
struct Reply {
    enum class Kind { kNothing, kInteger, kText, kList, kError };

    Kind kind = Kind::kNothing;
    std::string text;             ///< kText: any bytes; kError: what Redis says
    std::vector<Reply> elements;  ///< kList
};

Reply CopyReply(const redisReply& reply);

}  // namespace policyd::redis
