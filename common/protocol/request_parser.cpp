#include "common/protocol/request_parser.hpp"

#include <cstring>

#include "common/text/ascii.hpp"

namespace policyd::protocol {

namespace {

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

/// The attributes that are kept, each with its bit in RequestParser::seen_.
constexpr struct {
    std::string_view name;
    std::string_view PolicyRequest::*field;
} kTexts[] = {
    {"client_address", &PolicyRequest::client_address},
    {"client_name", &PolicyRequest::client_name},
    {"helo_name", &PolicyRequest::helo_name},
    {"sender", &PolicyRequest::sender},
    {"recipient", &PolicyRequest::recipient},
    {"instance", &PolicyRequest::instance},
    {"queue_id", &PolicyRequest::queue_id},
    {"sasl_username", &PolicyRequest::sasl_username},
    {"encryption_protocol", &PolicyRequest::encryption_protocol},
    {"policy_context", &PolicyRequest::policy_context},
};
constexpr struct {
    std::string_view name;
    std::uint64_t PolicyRequest::*field;
} kNumbers[] = {
    {"size", &PolicyRequest::size},
    {"recipient_count", &PolicyRequest::recipient_count},
};
constexpr std::uint32_t kRequestBit = 1u << 30;
constexpr std::uint32_t kStageBit = 1u << 29;

}  // namespace

std::string_view StageName(Stage stage) {
    for (const auto& candidate : kStages)
        if (candidate.stage == stage) return candidate.name;
    return "other";
}

RequestParser::Parsed RequestParser::Parse(std::string_view received) {
    // The empty line may have begun with the last byte that was searched.
    const std::size_t from = searched_ == 0 ? 0 : searched_ - 1;
    std::size_t end = received.starts_with('\n') ? 0 : std::string_view::npos;
    if (end == std::string_view::npos) {
        const void* found = from < received.size()
                                ? memmem(received.data() + from, received.size() - from, "\n\n", 2)
                                : nullptr;
        if (found != nullptr)
            end = static_cast<std::size_t>(static_cast<const char*>(found) - received.data()) + 1;
    }
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

RequestParser::Parsed RequestParser::Malformed(const char* problem) {
    problem_ = problem;
    searched_ = 0;
    return Parsed::kMalformed;
}

bool RequestParser::TakeAttributes(std::string_view lines) {
    const auto fail = [this](const char* problem) {
        problem_ = problem;
        return false;
    };
    if (std::memchr(lines.data(), '\0', lines.size()) != nullptr) return fail("NUL byte");
    std::size_t count = 0;
    while (!lines.empty()) {
        const auto* const begin = lines.data();
        // Every line ends with a line feed: the empty one that ends the request comes after it.
        const auto* const line_end =
            static_cast<const char*>(std::memchr(begin, '\n', lines.size()));
        const auto length = static_cast<std::size_t>(line_end - begin);
        const auto* const equals = static_cast<const char*>(std::memchr(begin, '=', length));
        if (equals == nullptr) return fail("line without '='");
        const std::string_view name(begin, static_cast<std::size_t>(equals - begin));
        const std::string_view value(equals + 1, static_cast<std::size_t>(line_end - equals - 1));
        if (name.empty() || name.size() > kLongestName)
            return fail("attribute name too long or empty");
        if (value.size() > kLongestValue) return fail("attribute value too long");
        if (++count > kMostAttributes) return fail("too many attributes");
        if (!TakeAttribute(name, value)) return false;
        lines.remove_prefix(length + 1);
    }
    return true;
}

bool RequestParser::TakeAttribute(std::string_view name, std::string_view value) {
    const auto first_time = [this](std::uint32_t bit) {
        const bool first = (seen_ & bit) == 0;
        seen_ |= bit;
        return first;
    };
    std::uint32_t bit = 1;
    for (const auto& text : kTexts) {
        if (text.name == name) {
            if (first_time(bit)) request_.*text.field = value;
            return true;
        }
        bit <<= 1;
    }
    for (const auto& number : kNumbers) {
        if (number.name == name) {
            if (!first_time(bit)) return true;
            const auto parsed = text::ParseUnsigned(value);
            if (!parsed && !value.empty()) {
                problem_ = "attribute value is not a number";
                return false;
            }
            request_.*number.field = parsed.value_or(0);
            return true;
        }
        bit <<= 1;
    }
    if (name == "protocol_state") {
        if (first_time(kStageBit)) request_.stage = ToStage(value);
    } else if (name == "request") {
        if (!first_time(kRequestBit)) return true;
        if (value != "smtpd_access_policy") {
            problem_ = "request is not smtpd_access_policy";
            return false;
        }
    }
    return true;
}

}  // namespace policyd::protocol
