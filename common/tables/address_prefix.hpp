#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace policyd::tables {

/// The bits of an IP address, the most significant first; an IPv4 address has the upper 32.
struct AddressBits {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    auto operator<=>(const AddressBits&) const = default;
};

/// The first `length` bits, the others zero.
AddressBits FirstBits(const AddressBits& bits, unsigned length);

enum class Family : std::uint8_t { kIpv4, kIpv6 };

struct Address {
    Family family = Family::kIpv4;
    AddressBits bits;
};

/// An address in the form that inet_pton(3) takes, nothing otherwise. It is IPv6 if it has a colon.
std::optional<Address> ParseAddress(std::string_view text);

/// A network: all addresses of a family that begin with certain bits.
struct AddressPrefix {
    Family family = Family::kIpv4;
    std::uint8_t length = 0;  ///< at most 32 or 128
    AddressBits bits;         ///< zero after the first `length`

    bool Contains(const Address& address) const;
    bool Contains(const AddressPrefix& other) const;
};

/// `address`, `address/length`, `[address]`, `[address]/length` or `[address/length]`. Throws
/// std::invalid_argument, whose text says what is wrong and, for an address with bits after the
/// prefix, what was probably meant.
AddressPrefix ParseAddressPrefix(std::string_view text);

/// "address/length".
std::string ToText(const AddressPrefix& prefix);

}  // namespace policyd::tables
