#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace policyd::redis {

/// A command in the form in which it is sent, built word by word.
///
///     Request get("GET", key);
class Request {
public:
    template <typename... Words>
    explicit Request(const Words&... words) {
        (Append(words), ...);
    }

    void Append(std::string_view word) {
        AppendCount('$', word.size());
        body_.append(word).append("\r\n");
        ++words_;
    }

    void Append(std::integral auto number) {
        std::array<char, 24> digits;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
        Append(std::string_view(digits.data(), end));
    }

    std::string Bytes() const { return '*' + std::to_string(words_) + "\r\n" + body_; }

private:
    void AppendCount(char kind, std::size_t count) {
        body_ += kind;
        body_ += std::to_string(count);
        body_ += "\r\n";
    }

    std::size_t words_ = 0;
    std::string body_;
};

}  // namespace policyd::redis
