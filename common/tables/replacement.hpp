#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace policyd::tables {

/// The result of a rule of regexp_table(5) or pcre_table(5), TEXT SUBSTITUTION: `$1`, `${1}` and
/// `$(1)` stand for what a group of the pattern matched, `$$` for a dollar sign.
class Replacement {
public:
    /// Throws std::invalid_argument for a `$` that is none of these.
    explicit Replacement(std::string_view text);

    /// As it is written.
    const std::string& Text() const noexcept { return text_; }
    /// The highest number of a group that stands in it, 0 where none does.
    std::size_t HighestGroup() const noexcept { return highest_group_; }

    /// `group(n)` is what the n-th group matched, empty where it took no part.
    template <typename Group>
    std::string With(const Group& group) const {
        std::string result;
        for (const Part& part : parts_) {
            result += part.text;
            if (part.group > 0) result += group(part.group);
        }
        return result;
    }

private:
    struct Part {
        std::string text;
        std::size_t group = 0;  ///< behind the text; 0: none
    };

    void AddGroup(std::string_view number, std::string text);

    std::string text_;
    std::vector<Part> parts_;
    std::size_t highest_group_ = 0;
};

}  // namespace policyd::tables
