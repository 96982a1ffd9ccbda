#include "loadtest/newcomers.hpp"

#include "loadtest/envelope.hpp"

namespace policyd::loadtest {

const Scenario kNewcomers{
    "newcomers",
    "RCPT requests whose sender, client and recipient were never seen before",
    &ArrivalsAtRate,
    &NewPolicyClient<NewcomersScript>,
};

NewcomersScript::NewcomersScript(const Setting& setting, Random random)
    : options_(setting.options), population_(setting.population), random_(random) {}

const Question& NewcomersScript::Next() {
    const Recipient recipient = population_.NewRecipient();
    StartMessage(question_.attributes, population_.NewClient(), population_.NewSender(), random_);
    question_.attributes.recipient = recipient.address;
    question_.attributes.size = ChooseSize(options_, random_);
    question_.expected = recipient.expected;
    return question_;
}

}  // namespace policyd::loadtest
