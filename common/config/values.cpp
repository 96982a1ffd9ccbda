#include "common/config/values.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

#include "common/text/ascii.hpp"

namespace policyd::config {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t value;
};

// Largest first, as showing a value needs them.
constexpr std::array kTimeUnits{Unit{"w", 604'800'000}, Unit{"d", 86'400'000}, Unit{"h", 3'600'000},
                                Unit{"m", 60'000},      Unit{"s", 1'000},      Unit{"ms", 1}};
constexpr std::array kByteUnits{Unit{"T", 1ull << 40}, Unit{"G", 1ull << 30}, Unit{"M", 1ull << 20},
                                Unit{"K", 1ull << 10}, Unit{"", 1}};

/// Digits and one of the units; nothing where the text is something else or too large.
template <typename Units>
std::optional<std::uint64_t> ParseWithUnit(std::string_view text, const Units& units,
                                           std::uint64_t value_without_unit) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = text::ParseUnsigned(text.substr(0, digits));
    const std::string_view name = text::Trim(text.substr(digits));
    if (!number) return std::nullopt;
    std::uint64_t value = value_without_unit;
    if (!name.empty()) {
        const auto unit = std::find_if(units.begin(), units.end(), [name](const Unit& candidate) {
            return text::EqualsIgnoringCase(candidate.name, name);
        });
        if (unit == units.end()) return std::nullopt;
        value = unit->value;
    }
    if (*number > std::numeric_limits<std::int64_t>::max() / value) return std::nullopt;
    return *number * value;
}

template <typename Units>
std::string ShowWithUnit(std::uint64_t value, const Units& units, std::string_view unit_of_zero) {
    if (value == 0) return '0' + std::string(unit_of_zero);
    const auto unit = std::find_if(units.begin(), units.end(), [value](const Unit& candidate) {
        return value % candidate.value == 0;
    });
    return std::to_string(value / unit->value) + std::string(unit->name);
}

/// The number of single-letter edits, a swap of neighbours being one, that make `a` of `b`.
std::size_t EditDistance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> distance(a.size() + 1,
                                                   std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) distance[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) distance[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
            distance[i][j] = std::min(
                {distance[i - 1][j] + 1, distance[i][j - 1] + 1, distance[i - 1][j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                distance[i][j] = std::min(distance[i][j], distance[i - 2][j - 2] + 1);
        }
    }
    return distance[a.size()][b.size()];
}

}  // namespace

std::chrono::milliseconds ParseDuration(std::string_view text) {
    const auto value = ParseWithUnit(text::Trim(text), kTimeUnits, 1'000);
    if (!value) throw std::invalid_argument("a time such as 500ms, 30s, 5m, 12h, 2d or 1w");
    // Sums of times are not to overflow.
    constexpr std::chrono::milliseconds kLongest = std::chrono::years(100);
    if (*value > static_cast<std::uint64_t>(kLongest.count()))
        throw std::invalid_argument("a time of no more than 100 years");
    return std::chrono::milliseconds(*value);
}

std::uint64_t ParseBytes(std::string_view text) {
    const auto value = ParseWithUnit(text::Trim(text), kByteUnits, 1);
    if (!value) throw std::invalid_argument("a size such as 1048576, 512K, 10M, 2G or 1T");
    return *value;
}

bool ParseBool(std::string_view text) {
    const std::string word = text::ToLower(text::Trim(text));
    if (word == "yes" || word == "true") return true;
    if (word == "no" || word == "false") return false;
    throw std::invalid_argument("true or false");
}

std::vector<std::string> ParseList(std::string_view text) {
    std::vector<std::string> elements;
    std::string element;
    int depth = 0;
    for (const char c : text) {
        const bool separates = depth <= 0 && (c == ',' || text::IsBlank(c));
        if (c == '{') ++depth;
        if (c == '}') --depth;
        if (!separates) element += c;
        if (separates && !element.empty()) elements.push_back(std::exchange(element, {}));
    }
    if (depth != 0) throw std::invalid_argument("a list whose braces match");
    if (!element.empty()) elements.push_back(std::move(element));
    return elements;
}

bool Contains(const std::vector<std::string>& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

bool ListsName(const std::vector<std::string>& list, std::string_view name) {
    for (const std::string& elements : list) {
        for (const std::string& element : ParseList(elements)) {
            const std::size_t negations = std::min(element.find_first_not_of('!'), element.size());
            if (text::EqualsIgnoringCase(std::string_view(element).substr(negations), name))
                return negations % 2 == 0;
        }
    }
    return false;
}

std::string ShowDuration(std::chrono::milliseconds duration) {
    return ShowWithUnit(static_cast<std::uint64_t>(duration.count()), kTimeUnits, "s");
}

std::string ShowBytes(std::uint64_t bytes) {
    return ShowWithUnit(bytes, kByteUnits, "");
}

std::string Quoted(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string quoted = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += c;
        } else if (c == '\n') {
            quoted += "\\n";
        } else if (c == '\t') {
            quoted += "\\t";
        } else if (byte < 0x20 || byte == 0x7f) {
            quoted += "\\u00";
            quoted += kHex[byte >> 4];
            quoted += kHex[byte & 15];
        } else {
            quoted += c;
        }
    }
    return quoted + '"';
}

std::string QuotedList(const std::vector<std::string>& texts) {
    std::string list;
    for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + Quoted(text);
    return '[' + list + ']';
}

std::string Wrapped(std::string_view text, std::string_view prefix) {
    constexpr std::size_t kLineLength = 78;
    std::string lines;
    std::string line;
    for (const std::string_view word : text::SplitAtAny(text, " ")) {
        if (!line.empty() && prefix.size() + line.size() + 1 + word.size() > kLineLength) {
            lines += std::string(prefix) + line + '\n';
            line.clear();
        }
        line += (line.empty() ? "" : " ") + std::string(word);
    }
    return lines + std::string(prefix) + line + '\n';
}

std::string_view ClosestTo(std::string_view text, const std::vector<std::string_view>& candidates) {
    std::string_view closest;
    std::size_t least = std::max<std::size_t>(2, text.size() / 4) + 1;
    for (const std::string_view candidate : candidates) {
        const bool shortened = text.size() >= 3 && candidate.starts_with(text);
        const std::size_t distance = shortened ? 1 : EditDistance(text, candidate);
        if (distance >= least || distance >= candidate.size()) continue;
        least = distance;
        closest = candidate;
    }
    return closest;
}

}  // namespace policyd::config
