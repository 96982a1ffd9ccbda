#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/chaos/back_ends.hpp"
#include "tests/support/policyd_process.hpp"
#include "tests/support/postfix_instance.hpp"

namespace policyd::test {

/// Postfix, policyd, policyd-scan and their back ends: a whole mail server.
class Site {
public:
    Site();

    const PostfixInstance& Postfix() const { return postfix_; }
    int PolicyPort() const { return port_; }

    /// What can happen to any part of it but Postfix.
    std::vector<Fault> Faults();
    /// Goes up whenever something is about to be done to policyd itself, and again when it is over:
    /// odd while policyd cannot answer.
    unsigned Troubles() const { return troubles_; }

    /// Waits until all mail is delivered, and ends the scanner.
    void Settle();

    /// Measures everything once more and prints what then differs between the usage store, the
    /// disk and what policyd decides by them; returns whether nothing does.
    bool UsageIsRight();

private:
    struct Held {
        std::uint64_t bytes = 0;
        std::uint64_t messages = 0;
    };

    std::string Options() const;
    std::filesystem::path WriteConfiguration(const std::string& name,
                                             const std::string& options) const;
    void StartScanner();
    void ScanOnce() const;
    Held OnDisk(const std::string& user) const;
    bool DecidesRightly(int user, const Held& held) const;
    Fault OfPolicyd(const std::string& name, std::function<void()> begin,
                    std::function<void()> end);

    ScratchDirectory scratch_;
    BackEnds back_ends_;
    int port_;
    PostfixInstance postfix_;
    std::filesystem::path config_;
    std::unique_ptr<PolicydProcess> policyd_;
    std::unique_ptr<Process> scanner_;
    std::atomic<unsigned> troubles_ = 0;
};

}  // namespace policyd::test
