#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace policyd::redis {

/// Turns a host name into numeric addresses without holding up the loop. Dropping it means not to
/// be told; libuv still finishes the look-up, so the loop must turn until then.
class NameLookup {
public:
    /// Gets the addresses in the order of the resolver, or none and the reason.
    using OnAnswer =
        std::function<void(std::vector<std::string> addresses, const std::string& failure)>;

    static std::shared_ptr<NameLookup> Start(uv_loop_t* loop, const std::string& host,
                                             OnAnswer on_answer);

private:
    explicit NameLookup(OnAnswer on_answer) : on_answer_(std::move(on_answer)) {}

    struct Pending {
        uv_getaddrinfo_t request{};
        std::weak_ptr<NameLookup> lookup;
    };

    static void OnDone(uv_getaddrinfo_t* request, int status, addrinfo* addresses);

    const OnAnswer on_answer_;
};

}  // namespace policyd::redis
