#include "loadtest/sessions.hpp"

#include <utility>

#include "loadtest/envelope.hpp"

namespace policyd::loadtest {

namespace {

constexpr std::size_t kMostRetries = 16;
constexpr double kDeclareSizePercent = 80;  // clients that speak ESMTP and know the size before

}  // namespace

const Scenario kSessions{
    "sessions",
    "whole transactions: recipients, END-OF-MESSAGE, some broken off, some retried",
    &ArrivalsAtRate,
    &NewPolicyClient<SessionsScript>,
};

SessionsScript::SessionsScript(const Setting& setting, Random random)
    : options_(setting.options),
      population_(setting.population),
      random_(random),
      recipient_count_(options_.recipients_per_message) {}

const Question& SessionsScript::Next() {
    if (under_way_ && asked_ == goes_away_after_) {
        under_way_ = false;
        TryAgainLater(message_.recipients);
    }
    if (under_way_ && asked_ == message_.recipients.size()) {
        under_way_ = false;
        if (!deferred_.empty()) TryAgainLater(std::exchange(deferred_, {}));
        if (!accepted_.empty()) {
            AskAboutEnd();
            return question_;
        }
    }
    if (!under_way_) StartTransaction();
    AskAboutRecipient();
    return question_;
}

void SessionsScript::Heard(Verdict verdict, bool passes) {
    if (question_.attributes.stage != "RCPT") {
        if (verdict == Verdict::kDefer) TryAgainLater(std::exchange(accepted_, {}));
        return;
    }
    const Recipient& recipient = message_.recipients[asked_ - 1];
    if (passes) accepted_.push_back(recipient);
    if (verdict == Verdict::kDefer) deferred_.push_back(recipient);
}

/// Postfix would answer with its default action, which defers: the client comes back.
void SessionsScript::NotAnswered() {
    if (question_.attributes.stage == "RCPT") deferred_.push_back(message_.recipients[asked_ - 1]);
}

SessionsScript::Message SessionsScript::NewMessage() {
    Message message;
    message.client = population_.ChooseClient(random_);
    message.sender = population_.ChooseSender(random_);
    message.size = ChooseSize(options_, random_);
    message.declares_size = random_.Happens(kDeclareSizePercent);
    for (std::size_t left = recipient_count_.Choose(random_); left > 0; --left)
        message.recipients.push_back(random_.Happens(options_.unknown_percent)
                                         ? population_.UnknownRecipient(random_)
                                         : population_.ChooseRecipient(random_));
    return message;
}

void SessionsScript::StartTransaction() {
    if (!again_.empty() && random_.Happens(options_.retried_percent)) {
        message_ = std::move(again_.front());
        again_.pop_front();
    } else {
        message_ = NewMessage();
    }
    StartMessage(question_.attributes, message_.client, message_.sender, random_);
    asked_ = 0;
    // Before any question but the first, the one about the end included.
    goes_away_after_ = random_.Happens(options_.aborted_percent)
                           ? 1 + random_.Below(message_.recipients.size())
                           : 0;
    accepted_.clear();
    deferred_.clear();
    under_way_ = true;
}

void SessionsScript::AskAboutRecipient() {
    const Recipient& recipient = message_.recipients[asked_++];
    PolicyAttributes& attributes = question_.attributes;
    attributes.recipient = recipient.address;
    attributes.size = message_.declares_size ? message_.size : 0;
    if (!accepted_.empty()) attributes.queue_id = QueueIdOf(attributes.instance);
    question_.expected = recipient.expected;
}

void SessionsScript::AskAboutEnd() {
    PolicyAttributes& attributes = question_.attributes;
    attributes.queue_id = QueueIdOf(attributes.instance);
    EndMessage(attributes, accepted_.size(), accepted_.back().address, message_.size);
    question_.expected = population_.ExpectedAtEnd();
}

void SessionsScript::TryAgainLater(std::vector<Recipient> recipients) {
    if (again_.size() >= kMostRetries || recipients.empty()) return;
    Message message = message_;
    message.recipients = std::move(recipients);
    again_.push_back(std::move(message));
}

}  // namespace policyd::loadtest
