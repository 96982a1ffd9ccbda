#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "common/config/options.hpp"
#include "common/config/values.hpp"
#include "common/text/ascii.hpp"

namespace policyd::config {
namespace {

template <typename... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};
template <typename... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

std::string ShowValue(const Value& value) {
    return std::visit(Overloaded{[](bool b) { return std::string(b ? "true" : "false"); },
                                 [](std::int64_t number) { return std::to_string(number); },
                                 [](const std::string& text) { return Quoted(text); },
                                 [](const Strings& texts) { return QuotedList(texts); }},
                      value);
}

[[noreturn]] void Refuse(const Value& value, const std::string& expected) {
    throw std::invalid_argument("expected " + expected + ", found " + ShowValue(value));
}

std::vector<std::string_view> Words(const Accepts& accepts) {
    return text::SplitAtAny(accepts.words, " ");
}

/// "a", "a or b", "a, b or c".
std::string Alternatives(const std::vector<std::string_view>& words) {
    std::string list;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) list += i + 1 == words.size() ? " or " : ", ";
        list += words[i];
    }
    return list;
}

std::string DescribeNumber(const Accepts& accepts) {
    if (accepts.bytes) return "a number of bytes, or one with K, M, G or T";
    const bool bounded = accepts.most != Accepts{}.most;
    if (bounded)
        return "a number from " + std::to_string(accepts.least) + " to " +
               std::to_string(accepts.most);
    if (accepts.least > 0) return "a number, at least " + std::to_string(accepts.least);
    return "a whole number";
}

std::string DescribeDuration(const Accepts& accepts) {
    std::string described = "a time such as 500ms, 30s, 5m, 12h, 2d or 1w (30: seconds)";
    if (accepts.least > 0)
        described += ", at least " + ShowDuration(std::chrono::milliseconds(accepts.least));
    if (accepts.most != Accepts{}.most)
        described += ", at most " + ShowDuration(std::chrono::milliseconds(accepts.most));
    return described;
}

void CheckText(const Option& option, const std::string& text) {
    const Accepts& accepts = option.accepts;
    if (accepts.check != nullptr) accepts.check(text);
    if (accepts.words.empty()) return;
    const std::vector<std::string_view> words = Words(accepts);
    for (const std::string_view word : words)
        if (word == text) return;
    const std::string_view meant = ClosestTo(text, words);
    const std::string hint = meant.empty() ? "" : " (did you mean \"" + std::string(meant) + "\"?)";
    throw std::invalid_argument(Alternatives(words) + hint);
}

std::uint64_t NumberFrom(const Option& option, const Value& value) {
    const Accepts& accepts = option.accepts;
    const auto* number = std::get_if<std::int64_t>(&value);
    const auto* text = std::get_if<std::string>(&value);
    std::optional<std::uint64_t> parsed;
    if (number != nullptr && *number >= 0) parsed = static_cast<std::uint64_t>(*number);
    if (text != nullptr)
        parsed = accepts.bytes ? ParseBytes(*text) : text::ParseUnsigned(text::Trim(*text));
    if (!parsed || *parsed < accepts.least || *parsed > accepts.most)
        throw std::invalid_argument(DescribeNumber(accepts));
    return *parsed;
}

std::chrono::milliseconds DurationFrom(const Option& option, const Value& value) {
    const auto* seconds = std::get_if<std::int64_t>(&value);
    const auto* text = std::get_if<std::string>(&value);
    if (seconds == nullptr && text == nullptr)
        throw std::invalid_argument(DescribeDuration(option.accepts));
    const auto duration = ParseDuration(text != nullptr ? *text : std::to_string(*seconds));
    const auto milliseconds = static_cast<std::uint64_t>(duration.count());
    if (milliseconds < option.accepts.least || milliseconds > option.accepts.most)
        throw std::invalid_argument(DescribeDuration(option.accepts));
    return duration;
}

Strings ListFrom(const Option& option, const Value& value) {
    Strings list;
    if (const auto* elements = std::get_if<Strings>(&value)) {
        list = *elements;
    } else if (const auto* text = std::get_if<std::string>(&value)) {
        list = ParseList(*text);
        if (std::any_of(list.begin(), list.end(),
                        [](const std::string& word) { return word.starts_with('#'); }))
            throw std::invalid_argument(
                "no comment, which is a part of the text in quotes: put the list into brackets, "
                "and comments between its texts");
    } else {
        throw std::invalid_argument(DescribeAccepted(option) + " in brackets");
    }
    for (auto element = list.begin(); element != list.end(); ++element) {
        CheckText(option, *element);
        if (option.accepts.each_once && std::find(list.begin(), element, *element) != element)
            throw std::invalid_argument(*element + " only once");
    }
    return list;
}

void AssignField(Settings& settings, const Option& option, bool Settings::*field,
                 const Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    const auto* truth = std::get_if<bool>(&value);
    if (text == nullptr && truth == nullptr) throw std::invalid_argument(DescribeAccepted(option));
    settings.*field = text != nullptr ? ParseBool(*text) : *truth;
}

void AssignField(Settings& settings, const Option& option, std::uint64_t Settings::*field,
                 const Value& value) {
    settings.*field = NumberFrom(option, value);
}

void AssignField(Settings& settings, const Option& option,
                 std::chrono::milliseconds Settings::*field, const Value& value) {
    settings.*field = DurationFrom(option, value);
}

void AssignField(Settings& settings, const Option& option, std::string Settings::*field,
                 const Value& value) {
    const auto* number = std::get_if<std::int64_t>(&value);
    const auto* text = std::get_if<std::string>(&value);
    const bool is_number = number != nullptr && option.accepts.bytes;
    if (text == nullptr && !is_number) throw std::invalid_argument("a text in quotes");
    const std::string assigned = is_number ? std::to_string(*number) : *text;
    CheckText(option, assigned);
    settings.*field = assigned;
}

void AssignField(Settings& settings, const Option& option, Strings Settings::*field,
                 const Value& value) {
    settings.*field = ListFrom(option, value);
}

}  // namespace

void Assign(Settings& settings, const Option& option, const Value& value) {
    try {
        std::visit([&](auto field) { AssignField(settings, option, field, value); }, option.field);
    } catch (const std::invalid_argument& expected) {
        Refuse(value, expected.what());
    }
}

std::string Show(const Settings& settings, const Option& option) {
    const bool bytes = option.accepts.bytes;
    return std::visit(
        Overloaded{
            [&](bool Settings::*field) { return std::string(settings.*field ? "true" : "false"); },
            [&](std::uint64_t Settings::*field) {
                const std::string plain = std::to_string(settings.*field);
                const std::string shown = bytes ? ShowBytes(settings.*field) : plain;
                return shown == plain ? plain : Quoted(shown);
            },
            [&](std::chrono::milliseconds Settings::*field) {
                return Quoted(ShowDuration(settings.*field));
            },
            [&](std::string Settings::*field) { return Quoted(settings.*field); },
            [&](Strings Settings::*field) { return QuotedList(settings.*field); }},
        option.field);
}

std::string DescribeAccepted(const Option& option) {
    const Accepts& accepts = option.accepts;
    const bool words = !accepts.words.empty();
    return std::visit(
        Overloaded{[](bool Settings::*) { return std::string("true or false"); },
                   [&](std::uint64_t Settings::*) { return DescribeNumber(accepts); },
                   [&](std::chrono::milliseconds Settings::*) { return DescribeDuration(accepts); },
                   [&](std::string Settings::*) {
                       if (accepts.bytes) return "a word, or " + DescribeNumber(accepts);
                       return words ? Alternatives(Words(accepts)) : std::string("a text");
                   },
                   [&](Strings Settings::*) {
                       return words ? "a list of " + Alternatives(Words(accepts))
                                    : "a list of " + std::string(accepts.elements);
                   }},
        option.field);
}

}  // namespace policyd::config
