#include "policyd/checks/delivery_overhead.hpp"

#include <algorithm>

#include "common/text/byte_set.hpp"

namespace policyd::checks {

namespace {

/// The texts around the names, by their lengths; each with its line end. A queue id has up to 16
/// bytes, an address of IPv6 the word IPv6: before it, and the longest protocol is UTF8SMTPSA.
constexpr std::string_view kReceived =
    "Received: from  ( [IPv6:])\n\tby  (Postfix) with UTF8SMTPSA id 0123456789abcdef\n"
    "\tfor <>; Thu, 01 Jan 1970 00:00:00 +0000 (UTC)\n";
constexpr std::string_view kEncrypted =
    "\t(using TLSv1.3 with cipher TLS_CHACHA20_POLY1305_SHA256 (256/256 bits)\n"
    "\t key-exchange X25519 server-signature RSA-PSS (4096 bits) server-digest SHA256\n"
    "\t client-signature RSA-PSS (4096 bits) client-digest SHA256)\n"
    "\t(Client CN \"\", Issuer \"\" (not verified))\n";
constexpr std::string_view kAuthenticated = "\t(Authenticated sender: )\n";
constexpr std::string_view kEnvelope = "Return-Path: <>\nX-Original-To: \nDelivered-To: \n";
constexpr std::string_view kMissing =
    "Message-Id: <19700101000000.0123456789abcdef@>\n"
    "Date: Thu, 01 Jan 1970 00:00:00 +0000 (UTC)\nFrom: <>\n";
/// As Dovecot's LMTP server writes it, with an id of 22 to 30 bytes.
constexpr std::string_view kLmtpReceived =
    "Received: from  ([unix:/var/spool/postfix/private/dovecot-lmtp])\n\tby  with LMTP\n"
    "\tid 0123456789abcdef0123456789abcd\n\t(envelope-from <>)\n"
    "\tfor <>; Thu, 01 Jan 1970 00:00:00 +0000\n";
constexpr std::size_t kLmtpHostNames = 2 * 64;
/// lmtp(8) breaks longer lines, with a line feed and a blank (lmtp_line_length_limit).
constexpr std::size_t kLmtpLine = 998;
constexpr std::size_t kLmtpBreak = 2;

/// What may stand in an address without quotes (RFC 5322, atext; RFC 6532).
constexpr text::ByteSet kPlain = text::ByteSet("!#$%&'*+-/=?^_`{|}~.@")
                                     .With('a', 'z')
                                     .With('A', 'Z')
                                     .With('0', '9')
                                     .With(0x80, 0xff);

/// How many bytes an address takes in a header beside its own: it comes without the quotes and
/// backslashes that its local part may need there.
std::size_t QuotesOf(std::string_view address) {
    constexpr std::size_t kQuotes = 2;
    const bool is_plain = kPlain.HasAllOf(address) && !address.starts_with('.') &&
                          !address.starts_with('@') && address.find("..") == address.npos &&
                          address.find(".@") == address.npos;
    if (is_plain) return 0;
    return kQuotes + static_cast<std::size_t>(std::count(address.begin(), address.end(), '"') +
                                              std::count(address.begin(), address.end(), '\\'));
}

/// How much of an address is an extension, with its delimiter.
std::size_t ExtensionOf(std::string_view address, std::string_view delimiters) {
    const std::string_view local = address.substr(0, address.rfind('@'));
    const std::size_t extension = local.find_first_of(delimiters);
    return extension == local.npos ? 0 : local.size() - extension;
}

}  // namespace

std::uint64_t EstimatedOverhead(const protocol::PolicyRequest& request, std::string_view recipient,
                                const std::vector<recipients::Mailbox>& mailboxes,
                                const DeliveryRules& rules) {
    const std::size_t sender_size = request.sender.size() + QuotesOf(request.sender);
    const std::size_t recipient_quotes = QuotesOf(recipient);
    const std::size_t recipient_size = recipient.size() + recipient_quotes;
    // A mailbox for all of a domain gets the recipient's address in its headers; and who needs
    // quotes in one address mostly does in the other.
    std::size_t longest = 0;
    for (const recipients::Mailbox& mailbox : mailboxes) {
        longest = std::max({longest, mailbox.address.size(), mailbox.name.size()});
        // Asked last: the bytes of the address may lie far away in memory, its size does not.
        if (recipient.size() > longest && mailbox.address.starts_with('@'))
            longest = recipient.size();
    }
    longest += recipient_quotes + ExtensionOf(recipient, rules.delimiters);
    const std::size_t host = rules.myhostname.size();
    std::size_t bytes = kReceived.size() + request.helo_name.size() + request.client_name.size() +
                        request.client_address.size() + host + recipient_size;
    if (!request.encryption_protocol.empty())
        bytes += kEncrypted.size() + request.ccert_subject.size() + request.ccert_issuer.size();
    if (!request.sasl_username.empty())
        bytes += kAuthenticated.size() + request.sasl_username.size();
    bytes += kEnvelope.size() + sender_size + recipient_size + longest;
    bytes += kMissing.size() + host + sender_size;
    if (!rules.adds_lmtp) return bytes;
    bytes += kLmtpReceived.size() + kLmtpHostNames + sender_size + longest;
    return bytes + request.size / kLmtpLine * kLmtpBreak;
}

}  // namespace policyd::checks
