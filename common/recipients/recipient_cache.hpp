#pragma once

#include <chrono>
#include <cstdint>

#include "common/async/answer_cache.hpp"
#include "common/recipients/recipient_resolver.hpp"

namespace policyd::recipients {

/// How long resolutions are remembered, and how many of them.
struct CacheTimes {
    std::chrono::milliseconds positive{0};  ///< known recipients, and domains that are not ours
    std::chrono::milliseconds negative{0};  ///< unknown recipients
    /// Beyond that, while the tables cannot be asked; never for unknown recipients, who may have
    /// got their mailbox since: an outage is no reason for a refusal.
    std::chrono::milliseconds longest_stale{0};
    std::size_t most = 100'000;
};

/// Whole resolutions, remembered by the recipient as it was typed. Owned by one loop thread.
using RecipientCache = async::AnswerCache<Resolution>;

/// Remembers what `resolver` says; it must outlive the cache.
inline std::unique_ptr<RecipientCache> MakeRecipientCache(RecipientResolver& resolver,
                                                          const CacheTimes& times,
                                                          RecipientCache::Clock clock) {
    const auto fresh = [times](const Resolution& resolution) {
        return resolution.kind == Resolution::Kind::kUnknown ? times.negative : times.positive;
    };
    const auto load = [&resolver](const std::string& recipient) {
        return resolver.Resolve(recipient);
    };
    const auto is_not_unknown = [](const Resolution& resolution) {
        return resolution.kind != Resolution::Kind::kUnknown;
    };
    return std::make_unique<RecipientCache>(times.most, times.longest_stale, std::move(clock),
                                            fresh, load, is_not_unknown);
}

}  // namespace policyd::recipients
