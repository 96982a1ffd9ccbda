#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/task.hpp"
#include "loadtest/reply.hpp"

namespace policyd::loadtest {

/// What became of one piece of work.
struct Outcome {
    /// One reply of several in the same piece of work.
    struct Step {
        Step(std::string_view the_kind, Verdict the_verdict, std::chrono::nanoseconds the_latency)
            : kind(the_kind), verdict(the_verdict), latency(the_latency) {}

        std::string_view kind;  ///< a literal
        Verdict verdict;
        std::chrono::nanoseconds latency;
    };

    enum class Fault {
        kNone,
        kNoAnswer,    ///< connection refused or lost, or too late
        kMalformed,   ///< not what the protocol allows
        kUnexpected,  ///< another verdict than was expected
    };

    std::string_view kind;  ///< what it was: "RCPT", "END-OF-MESSAGE", … a literal or a stage
    Verdict verdict = Verdict::kOther;
    Fault fault = Fault::kNone;
    std::string detail;                ///< for a fault: what was wrong, and about whom
    std::uint64_t accepted_bytes = 0;  ///< of a whole message that was not refused
    bool is_message = false;           ///< a whole message was accepted
    std::vector<Step> steps{};         ///< where there were several replies
};

/// A simulated client with one connection, doing one piece of work at a time. Loop thread.
class Client {
public:
    virtual ~Client() = default;

    /// Connects; throws NoAnswer. Work() does it by itself where the connection is gone.
    virtual async::Task<> Open() = 0;
    virtual async::Task<Outcome> Work() = 0;
    /// To be called now and then; ends what takes too long.
    virtual void CheckTime(std::chrono::steady_clock::time_point now) = 0;
    virtual void Close() noexcept = 0;
};

}  // namespace policyd::loadtest
