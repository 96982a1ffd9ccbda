#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mail/address.hpp"
#include "common/mail/address_rewriting.hpp"
#include "common/protocol/policy_request.hpp"

namespace policyd::checks {

/// Addresses that a rule makes an exception for: `user@domain`, `user@` in every domain, `@domain`,
/// and `<>`, the null sender. Upper and lower case are the same.
class AddressList {
public:
    /// Throws std::invalid_argument, with what would have been accepted, for anything else.
    explicit AddressList(const std::vector<std::string>& patterns);

    bool Contains(std::string_view address) const;
    bool IsEmpty() const noexcept { return patterns_.empty(); }

private:
    std::vector<std::string> patterns_;  // case-folded
};

/// Clients that a rule makes an exception for: an address, a network in CIDR notation, a verified
/// host name, or `.domain` for every name below it. A network of IPv6 holds no client of IPv4.
class ClientList {
public:
    /// Throws std::invalid_argument, with what would have been accepted, for anything else.
    explicit ClientList(const std::vector<std::string>& patterns);

    bool Contains(std::string_view address, std::string_view name) const;

private:
    struct Network {
        std::array<std::uint8_t, 16> address{};  // IPv4 as the last four bytes of ::ffff:0:0
        unsigned prefix = 128;                   // bits

        bool IsIpv4() const;
    };

    static bool ParseAddress(std::string_view text, Network& network);
    static Network ParseNetwork(std::string_view text);
    static void RequireNoBitsBehind(const Network& network, std::string_view text);
    static bool IsHostName(std::string_view pattern);

    std::vector<Network> networks_;
    std::vector<std::string> names_;  // case-folded
};

/// Whose mail a full mailbox does not refuse.
struct Exemptions {
    AddressList recipients{{}};
    AddressList senders{{}};
    ClientList clients{{}};
    /// An address may be typed in many ways: it is looked for as Postfix rewrites it, and without
    /// an extension as well. Without rules, as it was typed.
    std::optional<mail::RewritingRules> rewriting{};
    mail::ExtensionRules extensions{};

    bool Cover(const protocol::PolicyRequest& request, std::string_view recipient) const;

private:
    bool IsIn(const AddressList& list, std::string_view typed) const;
};

}  // namespace policyd::checks
