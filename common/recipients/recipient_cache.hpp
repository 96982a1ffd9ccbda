#pragma once

#include <chrono>
#include <cstdint>

#include "common/async/answer_cache.hpp"
#include "common/recipients/recipient_resolver.hpp"

namespace policyd::recipients {

/// How long resolutions are remembered, and how many of them.
struct CacheTimes {
    std::chrono::milliseconds positive{0};  ///< known recipients, and domains that are not ours
    std::chrono::milliseconds negative{0};  ///< recipients that are refused
    /// Beyond that, while the tables cannot be asked; never for recipients that are refused, who
    /// may have got their mailbox since: an outage is no reason for a refusal.
    std::chrono::milliseconds longest_stale{0};
    std::size_t most = 100'000;
};

/// Whole resolutions, remembered by the recipient as it was typed. Owned by one loop thread.
using RecipientCache = async::AnswerCache<Resolution>;

/// Remembers what `resolver` says; it must outlive the cache.
inline std::unique_ptr<RecipientCache> MakeRecipientCache(RecipientResolver& resolver,
                                                          const CacheTimes& times,
                                                          RecipientCache::Clock clock) {
    const auto is_refused = [](const Resolution& resolution) {
        return resolution.kind == Resolution::Kind::kUnknown ||
               resolution.kind == Resolution::Kind::kDeferred;
    };
    const auto fresh = [times, is_refused](const Resolution& resolution) {
        return is_refused(resolution) ? times.negative : times.positive;
    };
    const auto load = [&resolver](const std::string& recipient) {
        return resolver.Resolve(recipient);
    };
    const auto may_be_stale = [is_refused](const Resolution& resolution) {
        return !is_refused(resolution);
    };
    return std::make_unique<RecipientCache>(times.most, times.longest_stale, std::move(clock),
                                            fresh, load, may_be_stale);
}

}  // namespace policyd::recipients
