#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace policyd::mail {

/// Addresses exist in two forms: internal, as software handles them (`a b@example.com`), and
/// external, as they stand in SMTP, headers and tables (`"a b"@example.com`). Both are taken apart
/// at the last '@'.

/// The local part of an internal address; all of it if there is no '@'.
std::string_view LocalPart(std::string_view address);
/// What follows the last '@'; nothing if there is none.
std::optional<std::string_view> Domain(std::string_view address);

/// The external form of an internal address: the local part in quotes where it is no dot-string.
/// Bytes above 127 need none. What precedes it, a source route (`@a,@b:`), stays as it is.
std::string Quoted(std::string_view address);
/// The external form of a local part that stands alone, as it does in a partial look-up key.
std::string QuotedLocalPart(std::string_view local_part);
/// The internal form of an external address. What follows the last '@' outside quotes is kept.
std::string Unquoted(std::string_view address);

/// Whether an address is so plain that its external form is the same, that it holds no routing and
/// that rewriting leaves it alone: letters, digits, -_+= and single dots, with one '@' and a dot in
/// the domain. True for nearly all mail; told without taking the address apart.
bool IsPlain(std::string_view address);

/// What an address extension is: the parameters of main.cf.
struct ExtensionRules {
    std::string delimiters;  ///< recipient_delimiter: each of these characters begins one
    bool owner_request_special = true;
    std::string double_bounce_sender = "double-bounce";
};

/// An internal address that was taken apart at its extension.
struct ExtensionSplit {
    std::string bare;       ///< the address without extension: `user@example.com`
    std::string extension;  ///< with its delimiter: `+box`
};

/// Splits an address at the first character of its local part that is one of the delimiters.
/// Nothing where there is no extension: no delimiter, one in front of everything, one of the
/// reserved names (postmaster, mailer-daemon, double_bounce_sender), and, if '-' is a delimiter and
/// they are special, owner-x and x-request.
std::optional<ExtensionSplit> SplitExtension(std::string_view address, const ExtensionRules& rules);

}  // namespace policyd::mail
