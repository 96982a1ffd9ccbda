#include "common/redis/exchange.hpp"

#include <optional>
#include <utility>

namespace policyd::redis {

Exchange::Exchange(Client& client, std::vector<std::string> commands, bool greeting)
    : client_(client), greeting_(greeting) {
    parts_.reserve(commands.size());
    for (std::string& command : commands) parts_.emplace_back(*this, std::move(command));
}

bool Exchange::await_suspend(std::coroutine_handle<> awaiting) {
    awaiting_ = awaiting;
    for (Part& part : parts_) {
        std::optional<std::string> refusal = client_.Submit(part.command, part, greeting_);
        if (refusal) {
            part.answer.failure = std::move(*refusal);
            part.answer.was_put = false;
        } else {
            ++unanswered_;
        }
    }
    return unanswered_ > 0;
}

std::vector<Answer> Exchange::await_resume() {
    std::vector<Answer> answers;
    answers.reserve(parts_.size());
    for (Part& part : parts_) answers.push_back(std::move(part.answer));
    return answers;
}

void Exchange::Part::OnReply(Reply reply) {
    answer.reply = std::move(reply);
    exchange.PartAnswered();
}

void Exchange::Part::OnFailure(const std::string& reason) {
    answer.failure = reason;
    exchange.PartAnswered();
}

void Exchange::PartAnswered() {
    if (--unanswered_ == 0) awaiting_.resume();
}

bool SingleExchange::await_suspend(std::coroutine_handle<> awaiting) {
    awaiting_ = awaiting;
    std::optional<std::string> refusal = client_.Submit(command_, *this, false);
    if (!refusal) return true;
    answer_.failure = std::move(*refusal);
    answer_.was_put = false;
    return false;
}

void SingleExchange::OnReply(Reply reply) {
    answer_.reply = std::move(reply);
    awaiting_.resume();
}

void SingleExchange::OnFailure(const std::string& reason) {
    answer_.failure = reason;
    awaiting_.resume();
}

}  // namespace policyd::redis
