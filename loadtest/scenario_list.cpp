#include "loadtest/scenario_list.hpp"

#include "loadtest/burst.hpp"
#include "loadtest/mailbomb.hpp"
#include "loadtest/newcomers.hpp"
#include "loadtest/sessions.hpp"
#include "loadtest/smtp.hpp"
#include "loadtest/steady.hpp"

namespace policyd::loadtest {

const std::vector<const Scenario*>& Scenarios() {
    static const std::vector<const Scenario*> scenarios{
        &kSteady, &kSessions, &kBurst, &kMailbomb, &kNewcomers, &kSmtp,
    };
    return scenarios;
}

const Scenario* FindScenario(std::string_view name) {
    for (const Scenario* scenario : Scenarios())
        if (scenario->name == name) return scenario;
    return nullptr;
}

}  // namespace policyd::loadtest
