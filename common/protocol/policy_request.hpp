#pragma once

#include <cstdint>
#include <string_view>

namespace policyd::protocol {

/// The stage of the SMTP session at which Postfix asks (attribute protocol_state).
enum class Stage {
    kConnect,
    kEhlo,
    kHelo,
    kMail,
    kRcpt,
    kData,
    kEndOfMessage,
    kVrfy,
    kEtrn,
    kOther
};

/// One request of the SMTPD access policy protocol (SMTPD_POLICY_README): the attributes that this
/// service uses. Every view points into the bytes that were parsed; an attribute that was not sent
/// is empty. Values are as the client gave them and may hold anything but a line end or NUL.
struct PolicyRequest {
    Stage stage = Stage::kOther;
    std::string_view client_address;
    std::string_view client_name;
    std::string_view helo_name;
    std::string_view sender;
    std::string_view recipient;  ///< unquoted; empty at END-OF-MESSAGE of several recipients
    std::string_view instance;   ///< empty before MAIL was accepted
    std::string_view queue_id;
    std::string_view sasl_username;
    std::string_view encryption_protocol;  ///< empty without TLS
    std::string_view ccert_subject;        ///< of a client's certificate: its common name
    std::string_view ccert_issuer;
    std::string_view policy_context;
    /// Who asks: the address of the peer, or the name of this host for a local one. No attribute,
    /// but filled in by the connection that the request came over.
    std::string_view postfix_host;
    /// Accepted recipients; 0 but at DATA and END-OF-MESSAGE.
    std::uint64_t recipient_count = 0;
    /// Bytes: as declared with SIZE= (0 if not) until END-OF-MESSAGE, then as received.
    std::uint64_t size = 0;
};

/// "RCPT", "END-OF-MESSAGE", …; "other" for a stage this service does not know.
std::string_view StageName(Stage stage);

}  // namespace policyd::protocol
