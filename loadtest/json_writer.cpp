#include "loadtest/json_writer.hpp"

#include <cmath>
#include <cstdio>
#include <utility>

namespace policyd::loadtest {

JsonWriter& JsonWriter::Begin(char bracket) {
    Separate();
    text_ += bracket;
    open_ += bracket;
    is_first_ = true;
    return *this;
}

JsonWriter& JsonWriter::End() {
    const char closing = open_.back() == '{' ? '}' : ']';
    open_.pop_back();
    if (!is_first_) NewLine();
    text_ += closing;
    is_first_ = false;
    if (open_.empty()) text_ += '\n';
    return *this;
}

JsonWriter& JsonWriter::Key(std::string_view key) {
    Separate();
    Quote(key);
    text_ += ": ";
    after_key_ = true;
    return *this;
}

JsonWriter& JsonWriter::Value(std::string_view text) {
    Separate();
    Quote(text);
    return *this;
}

JsonWriter& JsonWriter::Value(double number) {
    Separate();
    char digits[32];
    const int length = std::snprintf(digits, sizeof digits, "%.10g", number);
    text_ += std::isfinite(number) ? std::string_view(digits, static_cast<std::size_t>(length))
                                   : std::string_view("null");
    return *this;
}

JsonWriter& JsonWriter::Value(std::uint64_t number) {
    Separate();
    text_ += std::to_string(number);
    return *this;
}

void JsonWriter::Separate() {
    if (std::exchange(after_key_, false) || open_.empty()) return;
    if (!std::exchange(is_first_, false)) text_ += ',';
    NewLine();
}

void JsonWriter::NewLine() {
    text_ += '\n';
    text_.append(2 * open_.size(), ' ');
}

void JsonWriter::Quote(std::string_view text) {
    text_ += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            text_ += '\\';
            text_ += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
            text_ += escaped;
        } else {
            text_ += c;
        }
    }
    text_ += '"';
}

}  // namespace policyd::loadtest
