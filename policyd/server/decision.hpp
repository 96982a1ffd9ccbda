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
/// that decide, so that a connection which can wait no longer leaves it to end alone.
///
///     auto decision = std::make_shared<Decision>(postfix_host);
///     decision->bytes = …; decision->request = …;
///     Decision::Start(decision, services);
///     const std::string_view action = co_await decision->Action();   // or Expire() comes first
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
    /// Waits for the verdict, or for Expire(). One coroutine, once.
    Awaiter Verdict();

    /// The time is up: whoever waits gets the answer for that, while the decision goes on.
    void Expire();

    /// True after Expire() came before the end: what decides may still use this object.
    bool HasExpired() const noexcept { return expired_; }

    /// Makes a decision that has ended by itself ready for another request.
    void Reset();

private:
    static async::Task<void> Decide(std::shared_ptr<Decision> decision,
                                    std::shared_ptr<services::Services> services);
    void Finish(checks::Verdict verdict);

    checks::Verdict verdict_;
    bool done_ = false;
    bool expired_ = false;
    std::coroutine_handle<> waiting_;
};

class [[nodiscard]] Decision::Awaiter {
public:
    explicit Awaiter(Decision& decision) noexcept : decision_(decision) {}
    bool await_ready() const noexcept { return decision_.done_; }
    void await_suspend(std::coroutine_handle<> waiting) noexcept { decision_.waiting_ = waiting; }
    const checks::Verdict& await_resume() const noexcept { return decision_.verdict_; }

private:
    Decision& decision_;
};

inline Decision::Awaiter Decision::Verdict() {
    return Awaiter(*this);
}

}  // namespace policyd::server
