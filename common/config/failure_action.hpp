#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace policyd::config {

/// What is answered while a back end cannot be asked.
struct FailureAction {
    /// For how long what is remembered is used first, beyond the time for which it is fresh;
    /// nothing where the value does not say.
    std::optional<std::chrono::milliseconds> stale_time;
    std::string action;  ///< DUNNO or a temporary refusal
};

/// "DUNNO", "DEFER_IF_PERMIT 4.3.0 Later", "stale 10m, then DUNNO"; the word "defer" alone is
/// DEFER_IF_PERMIT with a text. Throws std::invalid_argument with what would have been accepted.
FailureAction ParseFailureAction(const std::string& text);

}  // namespace policyd::config
