#include "common/usage/redis_keys.hpp"

#include "common/text/byte_block.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::usage {

namespace {

constexpr std::string_view kNoDomain = "%";  // which no name is written as

/// Few names are otherwise.
bool IsPlain(std::string_view name) {
    for (std::size_t from = 0; from < name.size(); from += text::ByteBlock::kSize) {
        const text::ByteBlock block(name, from);
        if ((block.Find('%', '{') | block.Find('}')) != 0) return false;
    }
    return true;
}

void AppendEscaped(std::string& key, std::string_view name) {
    if (IsPlain(name)) {
        key.append(name);
        return;
    }
    for (const char c : name) {
        if (c == '%')
            key.append("%25");
        else if (c == '{')
            key.append("%7b");
        else if (c == '}')
            key.append("%7d");
        else
            key += c;
    }
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

constexpr std::string_view kMailboxAfterTag = "}:m:";
constexpr std::string_view kDomainAfterTag = "}:d";

/// Whether it begins as all keys with a hash tag do.
bool IsOfADomain(std::string_view key) {
    return key.starts_with(kRedisKeyPrefix) && key.substr(kRedisKeyPrefix.size()).starts_with('{');
}

constexpr std::size_t kAround = 16;  // what stands around the names

/// What the keys of a domain begin with.
std::string DomainPart(std::string_view domain, std::size_t rest) {
    std::string key;
    key.reserve(domain.size() + rest + kAround);
    key.append(kRedisKeyPrefix).append("{");
    if (domain.empty()) {
        key.append(kNoDomain);
    } else {
        AppendEscaped(key, domain);
    }
    key.append("}:");
    return key;
}

std::string KeyOfMailbox(std::string_view mailbox, std::string_view kind) {
    const std::string_view domain = DomainOf(mailbox);
    const std::string_view local =
        domain.empty() ? mailbox : mailbox.substr(0, mailbox.size() - domain.size() - 1);
    std::string key = DomainPart(domain, local.size());
    key.append(kind);
    AppendEscaped(key, local);
    return key;
}

}  // namespace

std::string RedisDomainKey(std::string_view domain) {
    std::string key = DomainPart(domain, 1);
    key += 'd';
    return key;
}

std::string RedisMailboxKey(std::string_view mailbox) {
    return KeyOfMailbox(mailbox, "m:");
}

std::string RedisFullnessKey(std::string_view mailbox) {
    return KeyOfMailbox(mailbox, "f:");
}

std::string RedisReservationField(std::string_view id) {
    std::string field;
    field.reserve(2 + id.size());
    field.append("r:").append(id);
    return field;
}

std::optional<std::string> MailboxOfRedisKey(std::string_view key) {
    const std::size_t tag_end = key.find(kMailboxAfterTag);
    if (!IsOfADomain(key) || tag_end == std::string_view::npos) return std::nullopt;
    const std::size_t begin = kRedisKeyPrefix.size() + 1;
    const std::string_view tag = key.substr(begin, tag_end - begin);
    std::string name = Unescaped(key.substr(tag_end + kMailboxAfterTag.size()));
    if (tag != kNoDomain) name.append("@").append(Unescaped(tag));
    return name;
}

std::optional<std::string> DomainKeyOfMailboxKey(std::string_view key) {
    const std::size_t tag_end = key.find(kMailboxAfterTag);
    if (!IsOfADomain(key) || tag_end == std::string_view::npos) return std::nullopt;
    return std::string(key.substr(0, tag_end)).append(kDomainAfterTag);
}

std::optional<std::string> DomainOfRedisKey(std::string_view key) {
    const std::size_t tag_end = key.find('}');
    if (!IsOfADomain(key) || tag_end == std::string_view::npos) return std::nullopt;
    if (key.substr(tag_end) != kDomainAfterTag) return std::nullopt;
    const std::size_t begin = kRedisKeyPrefix.size() + 1;
    const std::string_view tag = key.substr(begin, tag_end - begin);
    return tag == kNoDomain ? std::string() : Unescaped(tag);
}

std::optional<std::string> DomainKeyOfReservedList(std::string_view key) {
    if (!key.starts_with(kRedisKeyPrefix) || !key.ends_with("}:r")) return std::nullopt;
    std::string domain_key(key);
    domain_key.back() = 'd';
    return domain_key;
}

}  // namespace policyd::usage
