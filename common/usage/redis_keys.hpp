#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace policyd::usage {

/// What all keys of the store begin with, and all that a Redis user needs access to.
inline constexpr std::string_view kRedisKeyPrefix = "policyd:";

/// Keys of one domain share a hash tag, so that a cluster keeps them in one place.
///
///     policyd:{example.com}:d        the domain: its totals
///     policyd:{example.com}:r        its mailboxes that hold reservations, by their oldest one
///     policyd:{example.com}:m:ann    the mailbox ann@example.com
///     policyd:{example.com}:m:       the mailbox @example.com
///     policyd:{example.com}:f:ann    since when mail for ann@example.com has been refused
///     policyd:{example.com}:n        new totals, while the mailboxes are counted anew
///
/// Names without a domain have the tag {%} and are written as a whole; `%`, `{` and `}` in names
/// are written as %25, %7b and %7d.
std::string RedisDomainKey(std::string_view domain);
std::string RedisMailboxKey(std::string_view mailbox);
std::string RedisFullnessKey(std::string_view mailbox);
/// The field of a mailbox's hash that holds what the message of this id has reserved.
std::string RedisReservationField(std::string_view id);
/// The one key without a domain: mailboxes that changed, for whoever warns of their filling.
inline constexpr std::string_view kRedisChangedKey = "policyd:changed";

/// The mailbox whose key this is; nothing for other keys.
std::optional<std::string> MailboxOfRedisKey(std::string_view key);
/// The domain's key, for the key under which its mailboxes with reservations are listed.
std::optional<std::string> DomainKeyOfReservedList(std::string_view key);
/// The key of the domain of the mailbox whose key this is; nothing for other keys.
std::optional<std::string> DomainKeyOfMailboxKey(std::string_view key);
/// The domain whose key this is; nothing for other keys.
std::optional<std::string> DomainOfRedisKey(std::string_view key);

}  // namespace policyd::usage
