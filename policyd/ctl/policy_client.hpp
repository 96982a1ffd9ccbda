#pragma once

#include <chrono>
#include <stdexcept>
#include <string>

#include "common/async/endpoint.hpp"

namespace policyd::ctl {

/// The policy server could not be reached, or did not answer as the protocol has it.
class NoAnswer : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Sends `request` (its lines and the empty one) to a policy server and returns the action of its
/// reply. Blocks, for at most `limit` at each address of the server and for its answer. Throws
/// NoAnswer.
std::string AskServer(const async::Endpoint& server, const std::string& request,
                      std::chrono::milliseconds limit);

/// What the control socket of a server said.
struct ControlReply {
    bool done = false;
    std::string text;          ///< lines
    bool is_stopping = false;  ///< the server, and does nothing any more
    bool lacks_means = false;  ///< the server: threads, for instance
};

/// Has a server do `command` ("reload", "flush"), and waits until it is done, for at most `limit`.
/// Throws NoAnswer.
ControlReply TellServer(const async::Endpoint& control_socket, const std::string& command,
                        std::chrono::milliseconds limit);

}  // namespace policyd::ctl
