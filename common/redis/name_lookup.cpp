#include "common/redis/name_lookup.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <utility>

namespace policyd::redis {

NameLookup::NameLookup(async::EventLoop& loop, const std::string& host, OnAnswer on_answer)
    : call_(std::make_shared<Call>(loop, [host] { return Resolve(host); })) {
    async::Spawn(Tell(call_, std::move(on_answer)));
}

NameLookup::Answer NameLookup::Resolve(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int status = getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (status != 0) return {{}, gai_strerror(status)};
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
    Answer answer{{}, "it has no address"};
    for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
        std::array<char, NI_MAXHOST> name{};
        if (getnameinfo(address->ai_addr, address->ai_addrlen, name.data(), name.size(), nullptr, 0,
                        NI_NUMERICHOST) == 0)
            answer.addresses.emplace_back(name.data());
    }
    return answer;
}

async::Task<> NameLookup::Tell(std::shared_ptr<Call> call, OnAnswer on_answer) {
    const std::optional<Answer> answer = co_await call->End();
    if (answer) on_answer(answer->addresses, answer->failure);
}

}  // namespace policyd::redis
