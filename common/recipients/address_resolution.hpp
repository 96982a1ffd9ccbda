#pragma once

#include <string>
#include <string_view>

#include "common/recipients/decision_lookups.hpp"
#include "common/recipients/mail_system.hpp"

namespace policyd::recipients {

/// The classes of domains (ADDRESS_CLASS_README).
enum class AddressClass {
    kLocal,           ///< mydestination, inet_interfaces
    kVirtualAlias,    ///< virtual_alias_domains
    kVirtualMailbox,  ///< virtual_mailbox_domains
    kRelay,           ///< relay_domains
    kDefault,         ///< everything else
};

/// Those that deliver nothing (error(8)); what is behind the colon is a text for the sender, with
/// an enhanced status code before it or without.
inline constexpr std::string_view kErrorTransport = "error";
inline constexpr std::string_view kRetryTransport = "retry";

/// Where mail for an address goes.
struct ResolvedAddress {
    AddressClass address_class = AddressClass::kDefault;
    std::string recipient;       ///< internal; local routing (`user%domain@us`) is resolved
    std::string transport;       ///< its name in master.cf
    std::string next_hop;        ///< of the transports above their text, as it is written
    bool is_routed = false;      ///< its local part names a further destination
    bool is_bad_syntax = false;  ///< cannot be delivered: the domain is none, or '-' comes first

    bool IsRefused() const { return transport == kErrorTransport || transport == kRetryTransport; }
};

/// Asks all tables about an address at once that most decisions about one of ours come to ask.
/// `recipient` must outlive the task. That a table could not answer is thrown to whoever comes to
/// need it, not here.
async::Task<void> AskAbout(const MailSystem& system, DecisionLookups& lookups,
                           std::string_view recipient);

/// Resolves a rewritten internal address as trivial-rewrite(8) does: strips domains that are local
/// and follows the routing left of them, then finds the class of the domain, the transport of that
/// class, what transport_maps say instead, and relocated_maps. `address` must outlive the task.
/// Throws outage::TableUnavailable.
async::Task<ResolvedAddress> ResolveAddress(const MailSystem& system, DecisionLookups& lookups,
                                            std::string_view address);

}  // namespace policyd::recipients
