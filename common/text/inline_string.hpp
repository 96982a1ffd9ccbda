#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace policyd::text {

/// A text that lies in the object itself unless it is long: who reads the object and then the text
/// goes to one place in memory, where std::string is two from 16 bytes on. Little can be done with
/// it but to read it, and to put another in its place.
class InlineString {
public:
    static constexpr std::size_t kMostInline = 40;  // most mail addresses; 48 bytes in all

    InlineString() = default;
    /// Up to 4 GiB.
    explicit InlineString(std::string_view text) { Take(text); }
    InlineString(const InlineString& other) : InlineString(std::string_view(other)) {}
    InlineString& operator=(const InlineString& other) {
        if (this != &other) *this = std::string_view(other);
        return *this;
    }
    /// Of no part of itself.
    InlineString& operator=(std::string_view text) {
        Drop();
        Take(text);
        return *this;
    }
    ~InlineString() { Drop(); }

    operator std::string_view() const noexcept { return {IsInline() ? inline_ : far_, size_}; }
    std::size_t size() const noexcept { return size_; }

    friend bool operator==(const InlineString& text, std::string_view other) noexcept {
        return std::string_view(text) == other;
    }
    friend bool operator==(const InlineString& text, const InlineString& other) noexcept {
        return text == std::string_view(other);
    }

private:
    bool IsInline() const noexcept { return size_ <= kMostInline; }

    void Take(std::string_view text) {
        char* bytes = inline_;
        if (text.size() > kMostInline) bytes = far_ = new char[text.size()];
        std::memcpy(bytes, text.data(), text.size());
        size_ = static_cast<std::uint32_t>(text.size());
    }

    void Drop() noexcept {
        if (!IsInline()) delete[] far_;
        size_ = 0;
    }

    union {
        char inline_[kMostInline];
        char* far_;
    };
    std::uint32_t size_ = 0;
};

}  // namespace policyd::text
