#include "common/config/failure_action.hpp"

#include <stdexcept>
#include <string_view>

#include "common/config/option_checks.hpp"
#include "common/config/values.hpp"
#include "common/text/ascii.hpp"

namespace policyd::config {

FailureAction ParseFailureAction(const std::string& text) {
    constexpr std::string_view kStale = "stale ";
    constexpr std::string_view kThen = ", then ";
    FailureAction failure{std::nullopt, text};
    if (text::ToLower(text).starts_with(kStale)) {
        const std::size_t then = text.find(kThen);
        if (then == std::string::npos) throw std::invalid_argument("stale TIME, then ACTION");
        failure.stale_time =
            ParseDuration(std::string_view(text).substr(kStale.size(), then - kStale.size()));
        failure.action = text.substr(then + kThen.size());
    }
    if (text::EqualsIgnoringCase(failure.action, "defer"))
        failure.action = "DEFER_IF_PERMIT 4.3.0 Temporary lookup failure";
    CheckTemporaryAction(failure.action);
    return failure;
}

}  // namespace policyd::config
