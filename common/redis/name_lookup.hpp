#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/async/detached_call.hpp"
#include "common/async/event_loop.hpp"

namespace policyd::redis {

/// Turns a host name into numeric addresses without holding up the loop, nor its end: a resolver
/// may wait for a silent name server for half a minute.
class NameLookup {
public:
    /// Gets the addresses in the order of the resolver, or none and the reason.
    using OnAnswer =
        std::function<void(const std::vector<std::string>& addresses, const std::string& failure)>;

    /// Throws std::system_error where there can be no more threads.
    NameLookup(async::EventLoop& loop, const std::string& host, OnAnswer on_answer);
    /// Nobody is told any more.
    ~NameLookup() { call_->LeaveBehind(); }
    NameLookup(const NameLookup&) = delete;
    NameLookup& operator=(const NameLookup&) = delete;

private:
    struct Answer {
        std::vector<std::string> addresses;
        std::string failure;
    };
    using Call = async::DetachedCall<Answer>;

    static Answer Resolve(const std::string& host);
    static async::Task<> Tell(std::shared_ptr<Call> call, OnAnswer on_answer);

    const std::shared_ptr<Call> call_;
};

}  // namespace policyd::redis
