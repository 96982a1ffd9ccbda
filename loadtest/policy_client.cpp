#include "loadtest/policy_client.hpp"

#include <utility>

#include "common/text/utf8.hpp"

namespace policyd::loadtest {

namespace {

/// For a message about a reply that was wrong.
std::string About(const Question& question) {
    const PolicyAttributes& asked = question.attributes;
    std::string about(asked.stage);
    if (!asked.recipient.empty()) about += " <" + text::EscapedForLog(asked.recipient) + ">";
    return about;
}

}  // namespace

PolicyClient::PolicyClient(uv_loop_t* loop, async::Endpoint server,
                           ServerConnection::Clock::duration time_limit,
                           std::unique_ptr<Script> script)
    : connection_(loop, std::move(server), time_limit), script_(std::move(script)) {}

async::Task<Outcome> PolicyClient::Work() {
    const Question& question = script_->Next();
    WriteRequest(question.attributes, request_);
    Outcome outcome;
    outcome.kind = question.attributes.stage;
    try {
        if (!connection_.IsOpen()) co_await connection_.Open();
        co_await Ask();
    } catch (const NoAnswer& failure) {
        outcome.fault = Outcome::Fault::kNoAnswer;
        outcome.detail = failure.what();
        script_->NotAnswered();
        co_return outcome;
    }
    co_return Judge(question);
}

async::Task<> PolicyClient::Ask() {
    // Bytes that came before they were asked for belong to no request; they make the reply wrong.
    connection_.StartTime();
    co_await connection_.Send(request_);
    do {
        co_await connection_.Receive();
        state_ = reply_.Read(connection_.Received());
    } while (state_ == ReplyReader::State::kIncomplete);
    connection_.StopTime();
}

Outcome PolicyClient::Judge(const Question& question) {
    Outcome outcome;
    outcome.kind = question.attributes.stage;
    if (state_ == ReplyReader::State::kMalformed) {
        outcome.fault = Outcome::Fault::kMalformed;
        outcome.detail = About(question) + ": " + reply_.Problem() + ": " +
                         text::EscapedForLog(connection_.Received());
        connection_.Close();
        script_->NotAnswered();
        return outcome;
    }
    outcome.verdict = reply_.Meaning();
    if (question.expected != nullptr &&
        !question.expected->IsMetBy(reply_.Action(), reply_.Meaning())) {
        outcome.fault = Outcome::Fault::kUnexpected;
        outcome.detail = About(question) + ": " + text::EscapedForLog(reply_.Action()) +
                         " instead of " + text::EscapedForLog(question.expected->Text());
    }
    const bool passes = Passes(reply_.Action());
    outcome.is_message = passes && question.attributes.stage == "END-OF-MESSAGE";
    if (outcome.is_message) outcome.accepted_bytes = question.attributes.size;
    connection_.Received().clear();
    script_->Heard(outcome.verdict, passes);
    return outcome;
}

}  // namespace policyd::loadtest
