#include "policyd/checks/resolve.hpp"

#include <utility>

namespace policyd::checks {

async::Task<recipients::RecipientCache::Given> Resolve(recipients::RecipientCache& recipients,
                                                       std::string_view recipient,
                                                       std::chrono::milliseconds stale_time,
                                                       Findings& findings) {
    using Given = recipients::RecipientCache::Given;
    if (auto answer = recipients.Fresh(recipient)) co_return Given{std::move(answer)};
    if (findings.recipient_tables_failed) {
        if (auto answer = recipients.Remembered(recipient, stale_time))
            co_return Given{std::move(answer), true};
    }
    Given given;
    try {
        given = co_await recipients.Get(recipient, stale_time);
    } catch (const outage::TableUnavailable&) {
        findings.recipient_tables_failed = true;
        throw;
    }
    if (given.is_stale) findings.recipient_tables_failed = true;
    co_return given;
}

}  // namespace policyd::checks
