#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace policyd::redis {

/// Words of a command, in the form in which they are sent.
class Words {
public:
    void Append(std::string_view word) {
        Reserve(word.size() + kAround);
        AppendCount(text_, '$', word.size());
        text_.append(word).append("\r\n");
        ++count_;
    }

    void Append(std::integral auto number) {
        std::array<char, 24> digits;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
        Append(std::string_view(digits.data(), end));
    }

    void Append(const Words& others) {
        Reserve(others.text_.size());
        text_ += others.text_;
        count_ += others.count_;
    }

    std::size_t Count() const noexcept { return count_; }

protected:
    static void AppendCount(std::string& text, char kind, std::size_t count) {
        std::array<char, 24> line;
        line[0] = kind;
        char* end = std::to_chars(line.data() + 1, line.data() + line.size() - 2, count).ptr;
        *end++ = '\r';
        *end++ = '\n';
        text.append(line.data(), end);
    }

    std::string text_;
    std::size_t count_ = 0;

private:
    static constexpr std::size_t kAround = 24;  // what a word needs beside itself
    static constexpr std::size_t kUsually = 192;

    /// Most commands need no more than one piece of memory.
    void Reserve(std::size_t more) {
        if (text_.size() + more > text_.capacity())
            text_.reserve(std::max(text_.size() + more, std::max(kUsually, 2 * text_.capacity())));
    }
};

/// A command in the form in which it is sent, built word by word.
///
///     Request get("GET", key);
class Request : public Words {
public:
    template <typename... Each>
    explicit Request(const Each&... words) {
        (Append(words), ...);
    }

    std::string Bytes() const {
        std::string bytes;
        bytes.reserve(text_.size() + 24);
        AppendCount(bytes, '*', count_);
        bytes += text_;
        return bytes;
    }
};

}  // namespace policyd::redis
