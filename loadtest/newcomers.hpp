#pragma once

#include "loadtest/scenario.hpp"

namespace policyd::loadtest {

/// RCPT requests whose sender, client and recipient were never seen before, so that no cache of
/// the server can help. Recipients come again once all of them have been asked about.
class NewcomersScript final : public Script {
public:
    NewcomersScript(const Setting& setting, Random random);
    const Question& Next() override;

private:
    const Options& options_;
    Population& population_;
    Random random_;
    Question question_;
};

extern const Scenario kNewcomers;

}  // namespace policyd::loadtest
