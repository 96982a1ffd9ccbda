#pragma once

#include <string>
#include <vector>

#include "common/async/task.hpp"
#include "common/config/settings.hpp"
#include "common/redis/client.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::usage {

/// What was read of Dovecot's figures.
struct DovecotFigures {
    std::vector<Measurement> measurements;
    std::vector<std::string> unreadable;  ///< users with figures that are not a pair of numbers
};

/// The Redis of dovecot_quota_clone. Throws config::ConfigError where it is not set.
redis::ClientSettings DovecotServerFrom(const config::Settings& settings);

/// The figures that Dovecot keeps in Redis where its plugin quota_clone is on: what it has stored
/// for each user, as of his last change.
///
///     plugin { quota_clone_dict = redis:host=127.0.0.1:port=6379:prefix=quota/ }
///
/// They are measurements like a scanner's, and are committed like them: the newer one wins. Owned
/// by one loop thread.
class DovecotQuotaClone {
public:
    /// `prefix` as in quota_clone_dict; `loop` outlives this.
    DovecotQuotaClone(async::EventLoop& loop, redis::ClientSettings server, std::string prefix);

    /// All users with figures, dated `began`: the usage store's time of before this call. A
    /// negative number counts as 0. Throws outage::UsageStoreUnavailable.
    async::Task<DovecotFigures> ReadAll(text::WallTime began);

private:
    const std::string prefix_;
    redis::Client redis_;
};

}  // namespace policyd::usage
