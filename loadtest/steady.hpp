#pragma once

#include "loadtest/scenario.hpp"

namespace policyd::loadtest {

/// One RCPT for every message, and no end: the question that Postfix asks most often.
class SteadyScript final : public Script {
public:
    SteadyScript(const Setting& setting, Random random);
    const Question& Next() override;

private:
    const Options& options_;
    Population& population_;
    Random random_;
    Question question_;
};

extern const Scenario kSteady;

}  // namespace policyd::loadtest
