#pragma once

#include <string>
#include <vector>

#include "common/redis/client.hpp"

namespace policyd::redis {

/// Names the keys that match a pattern (SCAN), some at a time. Redis names every key that is there
/// all the time, some of them twice, and those that come or go meanwhile perhaps. Used as its
/// client is.
class KeyScan {
public:
    /// The client outlives it.
    KeyScan(Client& client, std::string pattern) : client_(client), pattern_(std::move(pattern)) {}

    bool HasEnded() const noexcept { return has_ended_; }
    /// The next keys, perhaps none. Throws outage::UsageStoreUnavailable.
    async::Task<std::vector<std::string>> Next();

private:
    Client& client_;
    const std::string pattern_;
    std::string cursor_ = "0";
    bool has_ended_ = false;
};

}  // namespace policyd::redis
