#include "common/protocol/request_parser.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <iterator>

#include "common/text/ascii.hpp"
#include "common/text/byte_block.hpp"

namespace policyd::protocol {

namespace {

using text::ByteBlock;

constexpr struct {
    std::string_view name;
    Stage stage;
} kStages[] = {
    {"RCPT", Stage::kRcpt},       {"END-OF-MESSAGE", Stage::kEndOfMessage},
    {"DATA", Stage::kData},       {"MAIL", Stage::kMail},
    {"CONNECT", Stage::kConnect}, {"EHLO", Stage::kEhlo},
    {"HELO", Stage::kHelo},       {"VRFY", Stage::kVrfy},
    {"ETRN", Stage::kEtrn},
};

Stage ToStage(std::string_view name) {
    for (const auto& candidate : kStages)
        if (candidate.name == name) return candidate.stage;
    return Stage::kOther;
}

/// Where an attribute that is kept goes.
struct Attribute {
    std::string_view name;
    enum class Kind { kText, kNumber, kStage, kRequest } kind = Kind::kText;
    std::string_view PolicyRequest::*text = nullptr;
    std::uint64_t PolicyRequest::*number = nullptr;
};

constexpr Attribute Text(std::string_view name, std::string_view PolicyRequest::*field) {
    return {name, Attribute::Kind::kText, field, nullptr};
}
constexpr Attribute Number(std::string_view name, std::uint64_t PolicyRequest::*field) {
    return {name, Attribute::Kind::kNumber, nullptr, field};
}

/// Each has the bit of its place in RequestParser::seen_.
constexpr Attribute kAttributes[] = {
    Number("size", &PolicyRequest::size),
    Text("sender", &PolicyRequest::sender),
    {"request", Attribute::Kind::kRequest},
    Text("instance", &PolicyRequest::instance),
    Text("queue_id", &PolicyRequest::queue_id),
    Text("helo_name", &PolicyRequest::helo_name),
    Text("recipient", &PolicyRequest::recipient),
    Text("client_name", &PolicyRequest::client_name),
    Text("sasl_username", &PolicyRequest::sasl_username),
    Text("client_address", &PolicyRequest::client_address),
    Text("policy_context", &PolicyRequest::policy_context),
    {"protocol_state", Attribute::Kind::kStage},
    Number("recipient_count", &PolicyRequest::recipient_count),
    Text("encryption_protocol", &PolicyRequest::encryption_protocol),
    Text("ccert_subject", &PolicyRequest::ccert_subject),
    Text("ccert_issuer", &PolicyRequest::ccert_issuer),
};
constexpr std::uint32_t kRequestBit = 1u << 2;
static_assert(kAttributes[2].name == "request");

/// Where a name that is kept stands in kSlots, each in a place of its own.
constexpr std::size_t SlotOf(std::string_view name) {
    return (5 * name.size() + static_cast<unsigned char>(name.front()) +
            static_cast<unsigned char>(name.back())) %
           64;
}
constexpr std::uint8_t kNone = std::size(kAttributes);

constexpr auto kSlots = [] {
    std::array<std::uint8_t, 64> slots{};
    slots.fill(kNone);
    for (std::uint8_t place = 0; place < std::size(kAttributes); ++place)
        slots[SlotOf(kAttributes[place].name)] = place;
    return slots;
}();
static_assert(std::count(kSlots.begin(), kSlots.end(), kNone) == 64 - std::size(kAttributes),
              "two names have the same slot");

/// The place of the line feed of the first empty line that begins at or behind `from`; npos if
/// there is none.
std::size_t FindEmptyLine(std::string_view bytes, std::size_t from) {
    // Bit 0: whether the byte before was a line feed, as it is in effect before the first one.
    std::uint64_t before = from == 0 ? 1 : 0;
    for (; from < bytes.size(); from += ByteBlock::kSize) {
        const std::uint64_t feeds = ByteBlock(bytes, from).Find('\n');
        const std::uint64_t empty = feeds & ((feeds << 1) | before);
        if (empty != 0) return from + static_cast<std::size_t>(std::countr_zero(empty));
        before = feeds >> (ByteBlock::kSize - 1);
    }
    return bytes.npos;
}

}  // namespace

std::string_view StageName(Stage stage) {
    for (const auto& candidate : kStages)
        if (candidate.stage == stage) return candidate.name;
    return "other";
}

RequestParser::Parsed RequestParser::Parse(std::string_view received) {
    // The empty line may have begun with the last byte that was searched.
    const std::size_t end = FindEmptyLine(received, searched_ == 0 ? 0 : searched_ - 1);
    if (end == std::string_view::npos) {
        if (received.size() >= kLongestRequest) return Malformed("request too long");
        searched_ = received.size();
        return Parsed::kIncomplete;
    }
    if (end >= kLongestRequest) return Malformed("request too long");

    searched_ = 0;
    request_ = PolicyRequest();
    seen_ = 0;
    length_ = end + 1;
    if (!TakeAttributes(received.substr(0, end))) return Parsed::kMalformed;
    if ((seen_ & kRequestBit) == 0) return Malformed("no request attribute");
    return Parsed::kComplete;
}

bool RequestParser::Fail(const char* problem) {
    problem_ = problem;
    return false;
}

RequestParser::Parsed RequestParser::Malformed(const char* problem) {
    problem_ = problem;
    searched_ = 0;
    return Parsed::kMalformed;
}

/// Every line ends with a line feed: the empty one that ends the request comes after it.
bool RequestParser::TakeAttributes(std::string_view lines) {
    if (std::memchr(lines.data(), '\0', lines.size()) != nullptr) return Fail("NUL byte");
    const char* begin = lines.data();
    const char* equals = nullptr;  // the first '=' of the line
    std::size_t count = 0;
    for (std::size_t from = 0; from < lines.size(); from += ByteBlock::kSize) {
        for (std::uint64_t marks = ByteBlock(lines, from).Find('\n', '='); marks != 0;
             marks &= marks - 1) {
            const char* const place = lines.data() + from + std::countr_zero(marks);
            if (*place == '=') {
                if (equals == nullptr) equals = place;
                continue;
            }
            if (equals == nullptr) return Fail("line without '='");
            if (++count > kMostAttributes) return Fail("too many attributes");
            if (!TakeAttribute({begin, equals}, {equals + 1, place})) return false;
            begin = place + 1;
            equals = nullptr;
        }
    }
    return true;
}

bool RequestParser::TakeAttribute(std::string_view name, std::string_view value) {
    if (name.empty() || name.size() > kLongestName) return Fail("attribute name too long or empty");
    if (value.size() > kLongestValue) return Fail("attribute value too long");
    const std::uint8_t place = kSlots[SlotOf(name)];
    if (place == kNone || kAttributes[place].name != name) return true;
    const Attribute& attribute = kAttributes[place];
    const std::uint32_t bit = 1u << place;
    if ((seen_ & bit) != 0) return true;
    seen_ |= bit;
    switch (attribute.kind) {
        case Attribute::Kind::kText:
            request_.*attribute.text = value;
            return true;
        case Attribute::Kind::kNumber: {
            const auto number = text::ParseUnsigned(value);
            request_.*attribute.number = number.value_or(0);
            if (number || value.empty()) return true;
            return Fail("attribute value is not a number");
        }
        case Attribute::Kind::kStage:
            request_.stage = ToStage(value);
            return true;
        case Attribute::Kind::kRequest:
            if (value == "smtpd_access_policy") return true;
            return Fail("request is not smtpd_access_policy");
    }
    return true;
}

}  // namespace policyd::protocol
