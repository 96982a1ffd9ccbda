#include <string>

#include "common/protocol/message_name.hpp"
#include "common/protocol/request_parser.hpp"
#include "tests/fuzz/targets.hpp"

namespace policyd::fuzz {

using protocol::RequestParser;

namespace {

/// What comes of the first request if the bytes come in pieces of this length.
RequestParser::Parsed ParsedInPieces(std::string_view bytes, std::size_t length,
                                     RequestParser& parser) {
    std::string received;
    while (!bytes.empty()) {
        received += bytes.substr(0, length);
        bytes.remove_prefix(std::min(length, bytes.size()));
        const auto parsed = parser.Parse(received);
        if (parsed != RequestParser::Parsed::kIncomplete) return parsed;
    }
    return RequestParser::Parsed::kIncomplete;
}

}  // namespace

void RunRequestParser(std::string_view bytes) {
    RequestParser whole;
    const auto parsed = whole.Parse(bytes);
    if (parsed == RequestParser::Parsed::kComplete) {
        Require(whole.Length() <= bytes.size(), "a request is no longer than what was received");
        Require(bytes.substr(0, whole.Length()).ends_with('\n'), "a request ends with a line end");
        protocol::MessageName(whole.Request());
    }
    for (const std::size_t length : {std::size_t{1}, std::size_t{7}}) {
        RequestParser piecewise;
        Require(ParsedInPieces(bytes, length, piecewise) == parsed || bytes.empty(),
                "how the bytes come makes no difference");
        if (parsed == RequestParser::Parsed::kComplete)
            Require(piecewise.Length() == whole.Length(), "nor for the length of the request");
    }
}

}  // namespace policyd::fuzz
