#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policyd::mysql {

/// A query in its two forms.
struct Query {
    /// Makes a part of the query fit for a string literal of the connection's character set, which
    /// stands in such quotation marks.
    struct Quote {
        std::function<std::string(std::string_view part, char mark)> function;
        bool has_escapes = true;  ///< within quotation marks: not under NO_BACKSLASH_ESCAPES

        std::string operator()(std::string_view part, char mark) const {
            return function(part, mark);
        }
    };

    /// Who asks it: of those that are only text, the queries of one are alike.
    const void* source = nullptr;
    std::string prepared;                 ///< with `?`; empty: only as text
    std::vector<std::string> parameters;  ///< of `prepared`
    /// In RunTogether(): surely the same as those of the query before it. Not found out by
    /// comparing them: what a statement looks like must not follow from who asks, or there would be
    /// too many.
    bool has_parameters_of_last = false;
    std::function<std::string(const Quote&)> text;
    bool needs_result_set = true;  ///< a query that gives none is an error
};

/// The columns of all rows, one after the other, as their text; nothing for NULL.
using Values = std::vector<std::optional<std::string>>;

}  // namespace policyd::mysql
