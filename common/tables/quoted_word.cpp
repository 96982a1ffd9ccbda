#include "common/tables/quoted_word.hpp"

#include <algorithm>

#include "common/text/ascii.hpp"

namespace policyd::tables {

QuotedWord TakeQuotedWord(std::string_view text, std::string_view ends) {
    bool in_quotes = false;
    std::size_t end = 0;
    for (; end < text.size(); ++end) {
        const char c = text[end];
        if (c == '\\') {
            ++end;
        } else if (c == '"') {
            in_quotes = !in_quotes;
        } else if (!in_quotes && (text::IsBlank(c) || ends.find(c) != std::string_view::npos)) {
            break;
        }
    }
    return {text.substr(0, std::min(end, text.size())), !in_quotes};
}

}  // namespace policyd::tables
