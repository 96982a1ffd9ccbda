#pragma once

#include <uv.h>

#include <string>
#include <vector>

#include "common/async/task.hpp"
#include "common/redis/client.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::usage {

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
    DovecotQuotaClone(uv_loop_t* loop, redis::ClientSettings server, std::string prefix);

    /// All users with figures, dated `began`: the usage store's time of before this call. What is
    /// not a pair of whole numbers is left out. Throws outage::UsageStoreUnavailable.
    async::Task<std::vector<Measurement>> ReadAll(text::WallTime began);

private:
    const std::string prefix_;
    redis::Client redis_;
};

}  // namespace policyd::usage
