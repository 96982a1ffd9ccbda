#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

/// Makes a file, or all files below a directory, look a minute old. Every Postfix process waits up
/// to two seconds for each configuration or table file that was written just now.
void MakeLookSettled(const std::filesystem::path& path);

/// A private Postfix: its own configuration, queue, data and log below a scratch directory, smtpd
/// on a port of 127.0.0.1, nothing in common with the one installed but its programs. Needs root.
///
/// It delivers with virtual(8) below MailStore(); the transports smtp, relay, lmtp, local and
/// uucp throw away what they get, so that no mail leaves the machine and nothing outside the
/// scratch directory is written. Clients from 127.0.0.1 may use XCLIENT; the limits that smtpd sets
/// on its clients' errors are off.
class PostfixInstance {
public:
    /// main.cf parameters by name.
    using Parameters = std::map<std::string, std::string>;

    /// Starts it and waits until smtpd answers. `parameters` win over the ones chosen here.
    /// `services` are further lines for master.cf; of a service that is there already (name and
    /// type) the line given wins.
    explicit PostfixInstance(const Parameters& parameters, std::vector<std::string> services = {});
    ~PostfixInstance();

    int Port() const { return port_; }
    const std::filesystem::path& Directory() const { return scratch_.Path(); }
    std::filesystem::path MailStore() const { return scratch_ / "mail"; }

    void Stop();
    void Start();

    /// What was logged since the last start.
    std::string Log() const;
    /// Waits until a line of the log holds `text`.
    void WaitForLog(const std::string& text) const;

    /// Waits until every message has been delivered, bounced or deferred.
    void WaitUntilIdle() const;
    /// Messages that wait for another attempt.
    std::size_t DeferredMessages() const;

    /// Runs one of Postfix's commands for this instance: {"postmap", "-q", "key", "texthash:x"}
    /// (postmap, postconf, postqueue, postsuper, postcat, sendmail).
    Finished Command(std::vector<std::string> arguments, const std::string& input = "") const;

private:
    void WriteConfiguration() const;

    ScratchDirectory scratch_;
    int port_;
    Parameters parameters_;
    std::vector<std::string> services_;
    std::unique_ptr<Process> master_;
};

}  // namespace policyd::test
