#include "common/tables/address_prefix.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"

namespace policyd::tables {

namespace {

std::uint64_t ReadBigEndian(const unsigned char* bytes, int count) {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | (i < count ? bytes[i] : 0);
    return value;
}

std::string ToText(Family family, const AddressBits& bits) {
    std::array<unsigned char, 16> bytes{};
    for (int i = 0; i < 8; ++i) {
        bytes[i] = static_cast<unsigned char>(bits.high >> (56 - 8 * i));
        bytes[8 + i] = static_cast<unsigned char>(bits.low >> (56 - 8 * i));
    }
    char text[INET6_ADDRSTRLEN];
    inet_ntop(family == Family::kIpv6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
    return text;
}

std::string Shown(std::string_view text) {
    return "\"" + text::EscapedForLog(text) + "\"";
}

[[noreturn]] void Refuse(const std::string& what) {
    throw std::invalid_argument(what);
}

/// `text` without the brackets that may stand around the address or around all of it. Needs
/// `joined` for that.
std::string_view WithoutBrackets(std::string_view text, std::string& joined) {
    if (text.empty() || text[0] != '[') return text;
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) Refuse("no ']' ends " + Shown(text));
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && rest[0] != '/') {
        Refuse("something other than \"/length\" follows the ']' of " + Shown(text));
    }
    joined.append(text.substr(1, end - 1)).append(rest);
    return joined;
}

unsigned ParseLength(std::string_view digits, unsigned most, std::string_view pattern) {
    if (digits.empty() || !std::all_of(digits.begin(), digits.end(), text::IsDigit))
        Refuse("the prefix length in " + Shown(pattern) + " is no number");
    const auto length = text::ParseUnsigned(digits);
    if (!length || *length > most) {
        Refuse("the prefix length in " + Shown(pattern) + " is above " + std::to_string(most));
    }
    return static_cast<unsigned>(*length);
}

}  // namespace

AddressBits FirstBits(const AddressBits& bits, unsigned length) {
    constexpr std::uint64_t kAll = ~std::uint64_t{0};
    if (length == 0) return {};
    if (length <= 64) return {bits.high & kAll << (64 - length), 0};
    return {bits.high, bits.low & kAll << (128 - length)};
}

std::optional<Address> ParseAddress(std::string_view text) {
    char terminated[INET6_ADDRSTRLEN];
    if (text.size() >= sizeof terminated || text.find('\0') != std::string_view::npos)
        return std::nullopt;
    *std::copy(text.begin(), text.end(), terminated) = '\0';
    const bool is_ipv6 = text.find(':') != std::string_view::npos;
    if (!is_ipv6 && (text.empty() || !text::IsDigit(text.back()))) return std::nullopt;  // a name
    unsigned char bytes[16];
    if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, terminated, bytes) != 1) return std::nullopt;
    if (!is_ipv6) return Address{Family::kIpv4, {ReadBigEndian(bytes, 4), 0}};
    return Address{Family::kIpv6, {ReadBigEndian(bytes, 8), ReadBigEndian(bytes + 8, 8)}};
}

bool AddressPrefix::Contains(const Address& address) const {
    return address.family == family && FirstBits(address.bits, length) == bits;
}

bool AddressPrefix::Contains(const AddressPrefix& other) const {
    return other.length >= length && Contains(Address{other.family, other.bits});
}

AddressPrefix ParseAddressPrefix(std::string_view text) {
    std::string joined;
    const std::string_view pattern = WithoutBrackets(text, joined);
    const std::size_t slash = pattern.find('/');
    const auto address = ParseAddress(pattern.substr(0, slash));
    if (!address) Refuse("no IP address or network: " + Shown(text));
    AddressPrefix prefix;
    prefix.family = address->family;
    const unsigned most = prefix.family == Family::kIpv6 ? 128 : 32;
    const unsigned length =
        slash == std::string_view::npos ? most : ParseLength(pattern.substr(slash + 1), most, text);
    prefix.length = static_cast<std::uint8_t>(length);
    prefix.bits = FirstBits(address->bits, length);
    if (prefix.bits != address->bits) {
        Refuse("the address in " + Shown(text) + " has bits after the first " +
               std::to_string(length) + "; perhaps \"" + ToText(prefix.family, prefix.bits) + "/" +
               std::to_string(length) + "\" was meant");
    }
    return prefix;
}

std::string ToText(const AddressPrefix& prefix) {
    return ToText(prefix.family, prefix.bits) + '/' + std::to_string(prefix.length);
}

}  // namespace policyd::tables
