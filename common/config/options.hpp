#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/config/settings.hpp"

namespace policyd::config {

/// What a changed value needs to take effect.
enum class Takes { kEffectOnReload, kEffectOnRestart };

/// What a value must be beyond the type of its field. In a list, every element must be it.
struct Accepts {
    std::uint64_t least = 0;  ///< numbers, bytes; milliseconds of a time
    std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    bool bytes = false;        ///< a number of bytes, which may be written "10M"; of a text: also
    std::string_view words{};  ///< a text must be one of these, separated by blanks
    bool each_once = false;    ///< no element of a list may be there again
    std::string_view elements = "texts";  ///< what a list is of, where no words are given
    /// Throws std::invalid_argument with what would have been accepted.
    void (*check)(const std::string& text) = nullptr;
};

constexpr Accepts Anything() {
    return {};
}
constexpr Accepts Between(std::uint64_t least, std::uint64_t most) {
    return {.least = least, .most = most};
}
constexpr Accepts AtLeast(std::uint64_t least) {
    return {.least = least};
}
constexpr Accepts AtLeast(std::chrono::milliseconds least) {
    return {.least = static_cast<std::uint64_t>(least.count())};
}
constexpr Accepts Bytes() {
    return {.bytes = true};
}
constexpr Accepts BytesOr(void (*check)(const std::string&)) {
    return {.bytes = true, .check = check};
}
constexpr Accepts OneOf(std::string_view words) {
    return {.words = words};
}
/// For lists.
constexpr Accepts EachOnce(std::string_view words) {
    return {.words = words, .each_once = true};
}
constexpr Accepts ListOf(std::string_view elements, void (*check)(const std::string&)) {
    return {.elements = elements, .check = check};
}
constexpr Accepts CheckedBy(void (*check)(const std::string&)) {
    return {.check = check};
}

/// The chapter of the manual that an option stands in.
enum class Section {
    kService,
    kChecks,
    kQuota,
    kMailSystem,
    kMailStore,
    kCaches,
    kBackEnds,
    kScanner
};

struct SectionText {
    Section section;
    std::string_view title;
    std::string_view introduction;
};

/// What there is to know about one option. Reading the file, `policyctl config`, the manual and
/// conf/policyd.toml all come from the table of these.
struct Option {
    using Field = std::variant<bool Settings::*, std::uint64_t Settings::*,
                               std::chrono::milliseconds Settings::*, std::string Settings::*,
                               Strings Settings::*>;

    Section section;
    std::string_view name;
    Field field;
    Takes takes;
    Accepts accepts;
    /// For the administrator: sentences, without markup. Options of Postfix's main.cf say only
    /// what differs from there.
    std::string_view help;
    /// policyd and policyd-scan both go by it; another option is for the one whose section it is
    /// in.
    bool is_for_both = false;
};

/// A value as a configuration file or an administrator gives it, before it is known which option
/// it is for.
using Value = std::variant<bool, std::int64_t, std::string, Strings>;

std::span<const Option> Options();
std::span<const SectionText> Sections();

/// Nothing (null) for an unknown name.
const Option* FindOption(std::string_view name);
/// The option whose name is most like this one; empty where none is.
std::string_view SuggestOption(std::string_view name);

/// Gives the option a value. Text is taken for any type: numbers, times and lists are parsed from
/// it. Throws std::invalid_argument: "expected ..., found ...", and leaves `settings` alone.
void Assign(Settings& settings, const Option& option, const Value& value);

/// The option's value in `settings`, as TOML has it; Assign accepts its content.
std::string Show(const Settings& settings, const Option& option);

/// What the option accepts, for the manual: "true or false", "a number from 1 to 64".
std::string DescribeAccepted(const Option& option);

/// The programs that go on with the configuration that they began with: policyd and policyd-scan.
enum class Program { kServer, kScanner };
bool Concerns(Program program, const Option& option);

/// The names of the options whose values differ, of those that count, as "a, b".
std::string Changed(const Settings& before, const Settings& after, bool (*counts)(const Option&));

}  // namespace policyd::config
