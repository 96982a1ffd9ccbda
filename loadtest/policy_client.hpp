#pragma once

#include <memory>
#include <string>

#include "loadtest/client.hpp"
#include "loadtest/script.hpp"
#include "loadtest/server_connection.hpp"

namespace policyd::loadtest {

/// Asks the policy service what its script says, and checks every byte of the replies.
class PolicyClient final : public Client {
public:
    PolicyClient(uv_loop_t* loop, async::Endpoint server,
                 ServerConnection::Clock::duration time_limit, std::unique_ptr<Script> script);

    async::Task<> Open() override { return connection_.Open(); }
    async::Task<Outcome> Work() override;
    void CheckTime(std::chrono::steady_clock::time_point now) override {
        connection_.CheckTime(now);
    }
    void Close() noexcept override { connection_.Close(); }

private:
    async::Task<> Ask();
    Outcome Judge(const Question& question);

    ServerConnection connection_;
    std::unique_ptr<Script> script_;
    ReplyReader reply_;
    ReplyReader::State state_ = ReplyReader::State::kIncomplete;
    std::string request_;
};

}  // namespace policyd::loadtest
