#include "loadtest/steady.hpp"

#include "loadtest/envelope.hpp"

namespace policyd::loadtest {

const Scenario kSteady{
    "steady",
    "RCPT requests, each about a message of its own from any sender to any recipient",
    &ArrivalsAtRate,
    &NewPolicyClient<SteadyScript>,
};

SteadyScript::SteadyScript(const Setting& setting, Random random)
    : options_(setting.options), population_(setting.population), random_(random) {}

const Question& SteadyScript::Next() {
    const Recipient recipient = random_.Happens(options_.unknown_percent)
                                    ? population_.UnknownRecipient(random_)
                                    : population_.ChooseRecipient(random_);
    StartMessage(question_.attributes, population_.ChooseClient(random_),
                 population_.ChooseSender(random_), random_);
    question_.attributes.recipient = recipient.address;
    question_.attributes.size = ChooseSize(options_, random_);
    question_.expected = recipient.expected;
    return question_;
}

}  // namespace policyd::loadtest
