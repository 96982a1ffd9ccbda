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

/// For a reply that Redis cannot have given to what it was asked.
[[noreturn]] void RefuseNonsense();

/// The whole number that a reply is.
std::int64_t NumberIn(const Reply& reply);

}  // namespace policyd::redis
