#include "policyd/checks/resolve.hpp"

#include <utility>

namespace policyd::checks {

async::Task<recipients::RecipientCache::Given> Resolve(recipients::RecipientCache& recipients,
                                                       std::string_view recipient,
                                                       std::chrono::milliseconds stale_time,
                                                       Findings& findings) {
    using Given = recipients::RecipientCache::Given;
    if (auto answer = recipients.Fresh(recipient)) co_return Given{std::move(answer)};
    if (findings.tables_failed) {
        if (auto answer = recipients.Remembered(recipient, stale_time))
            co_return Given{std::move(answer), true};
    }
    Given given = co_await recipients.Get(recipient, stale_time);
    if (given.is_stale) findings.tables_failed = true;
    co_return given;
}

}  // namespace policyd::checks
