#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/event_loop.hpp"
#include "common/async/listener.hpp"
#include "common/async/periodic.hpp"
#include "common/async/task.hpp"

namespace policyd::server {

/// The first line of an HTTP request.
struct HttpRequest {
    std::string_view method;
    std::string_view path;  ///< without what follows a '?'
};

/// Nothing for what is no HTTP/1.0 or 1.1 request. The views point into `head`.
std::optional<HttpRequest> ParseHttpRequest(std::string_view head);

struct HttpReply {
    int status = 200;
    std::string body;
    std::string type = "text/plain; charset=utf-8";
};

/// An answer for which nothing has to be waited for.
inline async::Task<HttpReply> AtOnce(HttpReply reply) {
    co_return reply;
}

/// Answers HTTP/1.0 and 1.1 requests without a body on one listening socket, one on each
/// connection: enough for a monitoring system and an administrator. Owned by one loop thread.
class HttpEndpoint {
public:
    struct Route {
        std::string method;  ///< a GET is answered to HEAD as well
        std::string path;
        std::function<async::Task<HttpReply>()> answer;  ///< may take its time
    };

    /// At one time; where one more comes, the oldest ends.
    static constexpr std::size_t kMostExchanges = 64;

    /// `time_limit` is for the request, and again for taking the answer.
    HttpEndpoint(async::EventLoop& loop, async::ListeningSocket socket, std::vector<Route> routes,
                 std::chrono::milliseconds time_limit = std::chrono::seconds(10));
    /// Aborts what is open; the loop must turn once more before it is closed.
    ~HttpEndpoint();
    HttpEndpoint(const HttpEndpoint&) = delete;
    HttpEndpoint& operator=(const HttpEndpoint&) = delete;

private:
    struct Exchange;
    using Exchanges = std::list<std::weak_ptr<Exchange>>;

    void Start(async::UvHandle<uv_any_handle> connection);
    static async::Task<> Serve(async::EventLoop& loop, std::shared_ptr<Exchange> exchange,
                               std::shared_ptr<const std::vector<Route>> routes);
    bool EndOldest();
    void EndSlowExchanges();

    async::EventLoop& loop_;
    const std::chrono::milliseconds time_limit_;
    const async::ListeningSocket socket_;
    const std::shared_ptr<const std::vector<Route>> routes_;
    Exchanges exchanges_;
    async::Listener listener_;
    async::Periodic time_check_;
};

}  // namespace policyd::server
