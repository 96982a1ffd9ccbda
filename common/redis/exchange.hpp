#pragma once

#include <coroutine>
#include <string>
#include <vector>

#include "common/redis/client.hpp"

namespace policyd::redis {

/// Commands that are sent together; the awaiting coroutine goes on when all are answered.
class [[nodiscard]] Exchange {
public:
    Exchange(Client& client, std::vector<std::string> commands, bool greeting = false);
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    bool await_ready() const noexcept { return parts_.empty(); }
    bool await_suspend(std::coroutine_handle<> awaiting);
    /// In the order of the commands.
    std::vector<Answer> await_resume();

private:
    struct Part final : AnswerTaker {
        Part(Exchange& whole, std::string bytes) : exchange(whole), command(std::move(bytes)) {}
        void OnReply(Reply reply) override;
        void OnFailure(const std::string& reason) override;

        Exchange& exchange;
        const std::string command;
        Answer answer;
    };

    void PartAnswered();

    Client& client_;
    const bool greeting_;
    std::vector<Part> parts_;
    std::size_t unanswered_ = 0;
    std::coroutine_handle<> awaiting_;
};

}  // namespace policyd::redis
