#include "common/usage/redis_keys.hpp"

#include "common/usage/usage_store.hpp"

namespace policyd::usage {

namespace {

constexpr std::string_view kNoDomain = "%";  // which no name is written as

std::string Escaped(std::string_view name) {
    std::string escaped;
    escaped.reserve(name.size());
    for (const char c : name) {
        if (c == '%') {
            escaped += "%25";
        } else if (c == '{') {
            escaped += "%7b";
        } else if (c == '}') {
            escaped += "%7d";
        } else {
            escaped += c;
        }
    }
    return escaped;
}

std::string Unescaped(std::string_view escaped) {
    std::string name;
    for (std::size_t i = 0; i < escaped.size(); ++i) {
        if (escaped[i] != '%') {
            name += escaped[i];
            continue;
        }
        const std::string_view code = escaped.substr(i + 1, 2);
        name += code == "25" ? '%' : code == "7b" ? '{' : '}';
        i += 2;
    }
    return name;
}

std::string KeyOf(std::string_view tag, std::string_view rest) {
    std::string key(kRedisKeyPrefix);
    key.append("{").append(tag).append("}:").append(rest);
    return key;
}

std::string KeyOfMailbox(std::string_view mailbox, std::string kind) {
    const std::string_view domain = DomainOf(mailbox);
    if (domain.empty()) return KeyOf(kNoDomain, kind + Escaped(mailbox));
    const std::string_view local = mailbox.substr(0, mailbox.size() - domain.size() - 1);
    return KeyOf(Escaped(domain), kind + Escaped(local));
}

}  // namespace

std::string RedisDomainKey(std::string_view domain) {
    return KeyOf(domain.empty() ? std::string(kNoDomain) : Escaped(domain), "d");
}

std::string RedisMailboxKey(std::string_view mailbox) {
    return KeyOfMailbox(mailbox, "m:");
}

std::string RedisFullnessKey(std::string_view mailbox) {
    return KeyOfMailbox(mailbox, "f:");
}

std::optional<std::string> MailboxOfRedisKey(std::string_view key) {
    if (!key.starts_with(kRedisKeyPrefix)) return std::nullopt;
    key.remove_prefix(kRedisKeyPrefix.size());
    constexpr std::string_view kAfterTag = "}:m:";
    const std::size_t end = key.find(kAfterTag);
    if (!key.starts_with('{') || end == std::string_view::npos) return std::nullopt;
    const std::string_view tag = key.substr(1, end - 1);
    std::string name = Unescaped(key.substr(end + kAfterTag.size()));
    if (tag != kNoDomain) name.append("@").append(Unescaped(tag));
    return name;
}

std::optional<std::string> DomainKeyOfReservedList(std::string_view key) {
    if (!key.starts_with(kRedisKeyPrefix) || !key.ends_with("}:r")) return std::nullopt;
    std::string domain_key(key);
    domain_key.back() = 'd';
    return domain_key;
}

}  // namespace policyd::usage
