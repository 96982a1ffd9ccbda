#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace policyd::loadtest {

/// Writes one JSON document, value by value, indented.
///
///     JsonWriter json;
///     json.Begin('{').Key("rate").Value(1.5).Key("steps").Begin('[').Value(1).End().End();
class JsonWriter {
public:
    /// '{' or '['.
    JsonWriter& Begin(char bracket);
    JsonWriter& End();
    JsonWriter& Key(std::string_view key);
    JsonWriter& Value(std::string_view text);
    JsonWriter& Value(const char* text) { return Value(std::string_view(text)); }
    JsonWriter& Value(double number);
    JsonWriter& Value(std::uint64_t number);
    JsonWriter& Value(int number) { return Value(static_cast<double>(number)); }

    const std::string& Text() const noexcept { return text_; }

private:
    void Separate();
    void NewLine();
    void Quote(std::string_view text);

    std::string text_;
    std::string open_;  // the brackets that are still to be closed
    bool is_first_ = true;
    bool after_key_ = false;
};

}  // namespace policyd::loadtest
