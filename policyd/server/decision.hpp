#pragma once

#include <chrono>
#include <coroutine>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/protocol/request_parser.hpp"
#include "policyd/checks/check_pipeline.hpp"
#include "policyd/services/services.hpp"

namespace policyd::server {

/// One request on its way to an answer. It owns all that the request points into and the services
/// that decide, so that a connection which can wait no longer leaves it to end alone. One loop
/// thread's.
///
///     auto decision = std::make_shared<Decision>(postfix_host);
///     decision->bytes = …; decision->request = …;
///     Decision::Start(decision, services);
///     const auto& said = co_await decision->Said();   // or Expire() comes first
struct Decision {
    explicit Decision(std::shared_ptr<const std::string> the_host)
        : postfix_host(std::move(the_host)) {}

    const std::shared_ptr<const std::string> postfix_host;
    std::string bytes;  ///< the text of the request
    protocol::PolicyRequest request;

    checks::CheckPipeline::Progress progress;  ///< what the services have decided already

    /// Goes on deciding. If nothing has to be waited for, the decision is done on return.
    static void Start(const std::shared_ptr<Decision>& decision,
                      std::shared_ptr<services::Services> services);

    class Awaiter;
    /// Waits for what is said, or for Expire(). One coroutine, once.
    Awaiter Said();

    /// The time is up: whoever waits gets the answer for that, while the decision goes on.
    void Expire();

    /// True after Expire() came before the end: what decides may still use this object.
    bool HasExpired() const noexcept { return expired_; }

    /// Makes a decision that has ended by itself ready for another request.
    void Reset();

private:
    static async::Task<void> Decide(std::shared_ptr<Decision> decision,
                                    std::shared_ptr<services::Services> services);
    void Finish(checks::CheckPipeline::Said said);

    checks::CheckPipeline::Said said_;
    const checks::CheckPipeline* checks_ = nullptr;  // as long as it is not done
    bool done_ = false;
    bool expired_ = false;
    std::coroutine_handle<> waiting_;
};

class [[nodiscard]] Decision::Awaiter {
public:
    explicit Awaiter(Decision& decision) noexcept : decision_(decision) {}
    bool await_ready() const noexcept { return decision_.done_; }
    void await_suspend(std::coroutine_handle<> waiting) noexcept { decision_.waiting_ = waiting; }
    const checks::CheckPipeline::Said& await_resume() const noexcept { return decision_.said_; }

private:
    Decision& decision_;
};

inline Decision::Awaiter Decision::Said() {
    return Awaiter(*this);
}

}  // namespace policyd::server
