#include "policyd/server/http_endpoint.hpp"

#include <chrono>
#include <exception>
#include <utility>

#include "common/async/stream.hpp"
#include "common/log/logging.hpp"
#include "policyd/server/accept_warning.hpp"

namespace policyd::server {

namespace {

constexpr std::size_t kLongestHead = 8 * 1024;
constexpr int kChecksInTimeLimit = 10;

std::string_view Reason(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 400:
            return "Bad Request";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 503:
            return "Service Unavailable";
        case 507:
            return "Insufficient Storage";
        default:
            return "Error";
    }
}

/// Whether the head of a request is complete: its empty line has come.
bool IsWhole(std::string_view received) {
    return received.find("\r\n\r\n") != std::string_view::npos ||
           received.find("\n\n") != std::string_view::npos;
}

std::string ToBytes(const HttpReply& reply, bool with_body) {
    std::string bytes = "HTTP/1.1 " + std::to_string(reply.status) + ' ';
    bytes += Reason(reply.status);
    bytes += "\r\nContent-Type: " + reply.type;
    bytes += "\r\nContent-Length: " + std::to_string(reply.body.size());
    bytes += "\r\nConnection: close\r\n\r\n";
    if (with_body) bytes += reply.body;
    return bytes;
}

HttpReply Failure(int status) {
    return {status, std::string(Reason(status)) + '\n'};
}

async::Task<std::string> Answer(std::string_view head,
                                const std::vector<HttpEndpoint::Route>& routes) {
    const auto request = ParseHttpRequest(head);
    if (!request) co_return ToBytes(Failure(400), true);
    const bool only_head = request->method == "HEAD";
    int failure = 404;
    for (const HttpEndpoint::Route& route : routes) {
        if (route.path != request->path) continue;
        if (route.method == (only_head ? "GET" : request->method)) {
            const HttpReply reply = co_await route.answer();
            co_return ToBytes(reply, !only_head);
        }
        failure = 405;
    }
    co_return ToBytes(Failure(failure), !only_head);
}

}  // namespace

std::optional<HttpRequest> ParseHttpRequest(std::string_view head) {
    std::string_view line = head.substr(0, head.find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t method_end = line.find(' ');
    const std::size_t path_end = line.rfind(' ');
    if (method_end == std::string_view::npos || method_end == 0 || path_end == method_end)
        return std::nullopt;
    const std::string_view version = line.substr(path_end + 1);
    if (version != "HTTP/1.0" && version != "HTTP/1.1") return std::nullopt;
    HttpRequest request;
    request.method = line.substr(0, method_end);
    request.path = line.substr(method_end + 1, path_end - method_end - 1);
    request.path = request.path.substr(0, request.path.find('?'));
    if (!request.path.starts_with('/')) return std::nullopt;
    return request;
}

/// One connection, which ends after one answer.
struct HttpEndpoint::Exchange {
    Exchange(async::UvHandle<uv_any_handle> connection, std::chrono::milliseconds now)
        : stream(std::move(connection), kLongestHead), began(now) {}

    async::Stream stream;
    std::chrono::milliseconds began;  ///< its request, or then its answer
    bool waits_for_us = false;
};

HttpEndpoint::HttpEndpoint(async::EventLoop& loop, async::ListeningSocket socket,
                           std::vector<Route> routes, std::chrono::milliseconds time_limit)
    : loop_(loop),
      time_limit_(time_limit),
      socket_(std::move(socket)),
      routes_(std::make_shared<const std::vector<Route>>(std::move(routes))),
      listener_(
          loop.Raw(), socket_, [this](auto connection) { Start(std::move(connection)); },
          [this](const std::string& why) { WarnThatNobodyIsAccepted(socket_.Name(), why); }),
      time_check_(loop.Raw(), time_limit / kChecksInTimeLimit, [this] { EndSlowExchanges(); }) {}

HttpEndpoint::~HttpEndpoint() {
    for (const auto& each : exchanges_)
        if (const auto exchange = each.lock()) exchange->stream.Abort();
}

void HttpEndpoint::Start(async::UvHandle<uv_any_handle> connection) {
    exchanges_.remove_if([](const auto& exchange) { return exchange.expired(); });
    if (exchanges_.size() >= kMostExchanges && !EndOldest()) return;
    auto exchange = std::make_shared<Exchange>(std::move(connection), loop_.Now());
    exchanges_.push_back(exchange);
    async::Spawn(Serve(loop_, std::move(exchange), routes_), [](std::exception_ptr failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            log::Error("failure: a request for metrics was given up: {}", error.what());
        }
    });
}

async::Task<> HttpEndpoint::Serve(async::EventLoop& loop, std::shared_ptr<Exchange> exchange,
                                  std::shared_ptr<const std::vector<Route>> routes) {
    async::Stream& stream = exchange->stream;
    while (!IsWhole(stream.Received()) && stream.Received().size() < kLongestHead) {
        const bool more = co_await stream.Read();
        if (!more) co_return;
    }
    exchange->waits_for_us = true;
    const std::string reply = co_await Answer(stream.Received(), *routes);
    exchange->waits_for_us = false;
    exchange->began = loop.Now();
    co_await stream.Write(reply);
}

/// Of those that do not wait for us, so that many idle ones keep nobody out. False without any.
bool HttpEndpoint::EndOldest() {
    for (auto each = exchanges_.begin(); each != exchanges_.end(); ++each) {
        const auto exchange = each->lock();
        if (exchange && exchange->waits_for_us) continue;
        exchanges_.erase(each);
        if (exchange) exchange->stream.Abort();
        return true;
    }
    return false;
}

void HttpEndpoint::EndSlowExchanges() {
    for (const auto& each : exchanges_) {
        const auto exchange = each.lock();
        if (exchange && !exchange->waits_for_us && loop_.Now() - exchange->began >= time_limit_)
            exchange->stream.Abort();
    }
}

}  // namespace policyd::server
