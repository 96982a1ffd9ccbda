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
    std::chrono::milliseconds stale{0};     ///< beyond either, while the tables cannot be asked
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
    return std::make_unique<RecipientCache>(times.most, times.stale, std::move(clock), fresh, load);
}

}  // namespace policyd::recipients
