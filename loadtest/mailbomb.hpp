#pragma once

#include "loadtest/scenario.hpp"

namespace policyd::loadtest {

/// Everybody writes to one mailbox at once: RCPT and, if that is accepted, the end of the message,
/// each from another sender.
class MailbombScript final : public Script {
public:
    MailbombScript(const Setting& setting, Random random);
    const Question& Next() override;
    void Heard(Verdict verdict, bool passes) override;

private:
    const Options& options_;
    Population& population_;
    Random random_;
    Question question_;
    bool accepted_ = false;
};

extern const Scenario kMailbomb;

}  // namespace policyd::loadtest
