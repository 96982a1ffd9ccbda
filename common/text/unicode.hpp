#pragma once

#include <string>
#include <string_view>

namespace policyd::text {

/// Well-formed UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, at most U+10FFFF.
bool IsValidUtf8(std::string_view text);

/// Folded for comparison as Postfix folds look-up keys (casefold(3) of its sources: full Unicode
/// case folding, so that "ß" becomes "ss"). Text that is not valid UTF-8 has its ASCII letters
/// folded and is otherwise left alone.
std::string FoldCase(std::string_view text);

/// What may be written into a log line: control characters, 0x7f and bytes that are not valid
/// UTF-8 become \xHH, the backslash is doubled, and what is longer than `limit` bytes is cut and
/// ends in "...".
std::string EscapedForLog(std::string_view text, std::size_t limit = 256);

}  // namespace policyd::text
