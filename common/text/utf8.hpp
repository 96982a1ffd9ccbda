#pragma once

#include <string>
#include <string_view>

namespace policyd::text {

/// Well-formed UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, at most U+10FFFF.
bool IsValidUtf8(std::string_view text);

/// Well-formed UTF-8 without control characters and those of Unicode that turn the order of letters
/// or end lines: what cannot forge a line.
bool IsPrintable(std::string_view text);

/// What may be written into a log line: what is not printable, or is unseen (a no-break space, a
/// byte order mark), becomes \xHH, the backslash is doubled, and what is longer than `limit` bytes
/// is cut and ends in "...".
std::string EscapedForLog(std::string_view text, std::size_t limit = 256);

}  // namespace policyd::text
