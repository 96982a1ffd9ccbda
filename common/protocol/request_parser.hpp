#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/protocol/policy_request.hpp"

namespace policyd::protocol {

/// Bounds on what one request may hold; beyond them it is malformed. Postfix stays far below.
inline constexpr std::size_t kLongestName = 128;
inline constexpr std::size_t kLongestValue = 8 * 1024;
inline constexpr std::size_t kLongestRequest = 64 * 1024;
inline constexpr std::size_t kMostAttributes = 200;

/// Takes requests off the front of a growing buffer, without copying.
///
///     RequestParser parser;
///     switch (parser.Parse(received)) {
///         case Parsed::kComplete: … parser.Request() … received.erase(0, parser.Length());
///         case Parsed::kIncomplete: … append more to received …
///         case Parsed::kMalformed: … log parser.Problem(), close …
///
/// A request ends with an empty line. Each line is split at its first '='; unknown attributes are
/// ignored, and of a repeated one the first counts. What it has searched it does not search again,
/// so a peer that sends byte by byte costs no more than one that does not.
class RequestParser {
public:
    enum class Parsed { kIncomplete, kComplete, kMalformed };

    /// `received` must begin with the same bytes as at the last call that was kIncomplete.
    Parsed Parse(std::string_view received);

    /// After kComplete, while the parsed bytes stay where they are.
    const PolicyRequest& Request() const noexcept { return request_; }
    /// After kComplete: how many bytes the request took, its empty line included.
    std::size_t Length() const noexcept { return length_; }
    /// After kMalformed: what was wrong, in words of ours.
    const char* Problem() const noexcept { return problem_; }

private:
    Parsed Malformed(const char* problem);
    bool Fail(const char* problem);
    bool TakeAttributes(std::string_view lines);
    bool TakeAttribute(std::string_view name, std::string_view value);

    PolicyRequest request_;
    std::uint32_t seen_ = 0;  // one bit for each attribute that was taken
    std::size_t searched_ = 0;
    std::size_t length_ = 0;
    const char* problem_ = "";
};

}  // namespace policyd::protocol
