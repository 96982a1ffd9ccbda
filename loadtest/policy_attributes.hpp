#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace policyd::loadtest {

/// What the requests of a scenario differ in. Everything else that Postfix 3.7 sends (encryption,
/// SASL, certificates, server address) is the same in all of them.
struct PolicyAttributes {
    std::string_view stage = "RCPT";  ///< attribute protocol_state; a literal
    std::string client_address;
    std::string client_name;
    std::uint16_t client_port = 0;
    std::string helo_name;
    std::string sender;
    std::string recipient;
    std::uint64_t recipient_count = 0;
    std::string queue_id;
    std::string instance;
    std::uint64_t size = 0;
};

/// Replaces `request` by the whole request as Postfix 3.7 writes it: all of its attributes in its
/// order, and the empty line.
void WriteRequest(const PolicyAttributes& attributes, std::string& request);

}  // namespace policyd::loadtest
