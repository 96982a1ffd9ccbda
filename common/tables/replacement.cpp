#include "common/tables/replacement.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"

namespace policyd::tables {

namespace {

/// Takes the name behind a '$' off `rest`: in its parentheses or braces, which may hold more of
/// their kind, or as far as letters, digits and '_' go.
std::string_view TakeName(std::string_view& rest) {
    const bool is_in_brackets = rest.starts_with('(') || rest.starts_with('{');
    if (!is_in_brackets) {
        const auto end = std::find_if_not(
            rest.begin(), rest.end(), [](char c) { return text::IsLetterOrDigit(c) || c == '_'; });
        const auto name = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
        rest.remove_prefix(name.size());
        return name;
    }
    const char opening = rest[0];
    const char closing = opening == '(' ? ')' : '}';
    int depth = 0;
    for (std::size_t i = 0; i < rest.size(); ++i) {
        if (rest[i] == opening) ++depth;
        if (rest[i] == closing && --depth == 0) {
            const std::string_view name = rest.substr(1, i - 1);
            rest.remove_prefix(i + 1);
            return name;
        }
    }
    throw std::invalid_argument("nothing ends what \"$" + std::string(1, opening) +
                                "\" begins in the result");
}

}  // namespace

Replacement::Replacement(std::string_view text) : text_(text) {
    std::string literal;
    while (!text.empty()) {
        const char c = text[0];
        text.remove_prefix(1);
        if (c != '$') {
            literal += c;
        } else if (text.starts_with('$')) {
            literal += '$';
            text.remove_prefix(1);
        } else {
            AddGroup(TakeName(text), std::exchange(literal, {}));
        }
    }
    if (!literal.empty()) parts_.push_back({std::move(literal)});
}

void Replacement::AddGroup(std::string_view number, std::string text) {
    const auto group = text::ParseUnsigned(number);
    if (!group || *group == 0)
        throw std::invalid_argument("\"$" + text::EscapedForLog(number) +
                                    "\" in the result is no number of a group: write $$ for a "
                                    "dollar sign");
    parts_.push_back({std::move(text), static_cast<std::size_t>(*group)});
    highest_group_ = std::max(highest_group_, parts_.back().group);
}

}  // namespace policyd::tables
