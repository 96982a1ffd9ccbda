#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "loadtest/reply.hpp"

namespace policyd::loadtest {

/// What a reply should be: a kind of verdict, or one action and no other.
class Expectation {
public:
    /// "dunno", "permit", "reject", "defer" or "other" is a kind; anything else is the action
    /// itself, byte for byte.
    explicit Expectation(std::string_view text);

    bool IsMetBy(std::string_view action, Verdict verdict) const;
    /// What kind of verdict is expected, also where it is one action.
    Verdict Meaning() const { return verdict_ ? *verdict_ : VerdictOf(text_); }
    /// As it was written.
    const std::string& Text() const noexcept { return text_; }

private:
    std::string text_;
    std::optional<Verdict> verdict_;
};

}  // namespace policyd::loadtest
