#include "common/redis/name_lookup.hpp"

#include <netdb.h>

#include <array>
#include <utility>

#include "common/async/uv_handle.hpp"

namespace policyd::redis {

namespace {

std::vector<std::string> NumericNames(const addrinfo* addresses) {
    std::vector<std::string> names;
    for (const addrinfo* address = addresses; address != nullptr; address = address->ai_next) {
        std::array<char, NI_MAXHOST> name{};
        if (getnameinfo(address->ai_addr, address->ai_addrlen, name.data(), name.size(), nullptr, 0,
                        NI_NUMERICHOST) == 0)
            names.emplace_back(name.data());
    }
    return names;
}

}  // namespace

std::shared_ptr<NameLookup> NameLookup::Start(uv_loop_t* loop, const std::string& host,
                                              OnAnswer on_answer) {
    const std::shared_ptr<NameLookup> lookup(new NameLookup(std::move(on_answer)));
    auto pending = std::make_unique<Pending>();
    pending->lookup = lookup;
    pending->request.data = pending.get();
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    async::ThrowIfFailed(
        uv_getaddrinfo(loop, &pending->request, &OnDone, host.c_str(), nullptr, &hints),
        "uv_getaddrinfo");
    static_cast<void>(pending.release());  // OnDone frees it
    return lookup;
}

void NameLookup::OnDone(uv_getaddrinfo_t* request, int status, addrinfo* addresses) {
    const std::unique_ptr<Pending> pending(static_cast<Pending*>(request->data));
    const std::unique_ptr<addrinfo, decltype(&uv_freeaddrinfo)> owned(addresses, &uv_freeaddrinfo);
    const std::shared_ptr<NameLookup> lookup = pending->lookup.lock();
    if (!lookup) return;
    const OnAnswer on_answer = lookup->on_answer_;
    std::vector<std::string> names;
    if (status == 0) names = NumericNames(addresses);
    const std::string failure = status < 0 ? uv_strerror(status) : "it has no address";
    on_answer(std::move(names), failure);
}

}  // namespace policyd::redis
