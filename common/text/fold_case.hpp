#pragma once

#include <string>
#include <string_view>

namespace policyd::text {

/// Folded for comparison as Postfix folds look-up keys (casefold(3) of its sources: full Unicode
/// case folding, so that "ß" becomes "ss"). Text that is not valid UTF-8 has its ASCII letters
/// folded and is otherwise left alone. In a file of its own: programs without it need no ICU.
std::string FoldCase(std::string_view text);

}  // namespace policyd::text
