#pragma once

#include <string_view>

#include "loadtest/expectation.hpp"
#include "loadtest/policy_attributes.hpp"
#include "loadtest/reply.hpp"

namespace policyd::loadtest {

/// One request, and what should be answered to it.
struct Question {
    PolicyAttributes attributes;
    const Expectation* expected = nullptr;  ///< null: anything
};

/// What one connection asks, request by request, and how it goes on from each answer: the part of
/// one smtpd(8) process. Calls alternate: Next(), then Heard() or NotAnswered().
class Script {
public:
    virtual ~Script() = default;

    /// The next request; it stays as it is until the next call.
    virtual const Question& Next() = 0;
    /// `passes`: the mail goes on, as it also does after some actions that are neither dunno nor
    /// permit.
    virtual void Heard(Verdict, [[maybe_unused]] bool passes) {}
    virtual void NotAnswered() {}
};

}  // namespace policyd::loadtest
