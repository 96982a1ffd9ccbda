#include "loadtest/mailbomb.hpp"

#include <utility>

#include "loadtest/envelope.hpp"

namespace policyd::loadtest {

const Scenario kMailbomb{
    "mailbomb",
    "whole messages from ever new senders, all to one mailbox (--victim)",
    &ArrivalsAtRate,
    &NewPolicyClient<MailbombScript>,
};

MailbombScript::MailbombScript(const Setting& setting, Random random)
    : options_(setting.options), population_(setting.population), random_(random) {}

const Question& MailbombScript::Next() {
    PolicyAttributes& attributes = question_.attributes;
    if (std::exchange(accepted_, false)) {
        attributes.queue_id = QueueIdOf(attributes.instance);
        EndMessage(attributes, 1, attributes.recipient, attributes.size);
        question_.expected = population_.ExpectedAtEnd();
        return question_;
    }
    const Recipient victim = population_.Victim();
    StartMessage(attributes, population_.ChooseClient(random_), population_.NewSender(), random_);
    attributes.recipient = victim.address;
    attributes.size = ChooseSize(options_, random_);
    question_.expected = victim.expected;
    return question_;
}

void MailbombScript::Heard(Verdict, bool passes) {
    accepted_ = passes && question_.attributes.stage == "RCPT";
}

}  // namespace policyd::loadtest
