#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace policyd::config {

// How the values of options are written. The parsers throw std::invalid_argument whose text is
// what would have been accepted, so that every message about a value is complete.

/// A number with Postfix's time units s, m, h, d, w, or with ms; without a unit, seconds.
std::chrono::milliseconds ParseDuration(std::string_view text);

/// A number of bytes, or of K, M, G or T (powers of 1024).
std::uint64_t ParseBytes(std::string_view text);

/// "yes", "no", "true" or "false", in any case.
bool ParseBool(std::string_view text);

/// The elements of a list as main.cf has it: between commas and blanks, except that braces keep
/// together what is inside them: `inline:{ a=b, c=d }`.
std::vector<std::string> ParseList(std::string_view text);

bool Contains(const std::vector<std::string>& list, std::string_view word);

/// Whether one of Postfix's lists of parameter names, such as parent_domain_matches_subdomains, has
/// a name, in any case: the first element that is it decides, and `!name` says no.
bool ListsName(const std::vector<std::string>& list, std::string_view name);

/// In the largest unit that needs no fraction: "5m", "1015s", "500ms".
std::string ShowDuration(std::chrono::milliseconds duration);
std::string ShowBytes(std::uint64_t bytes);

/// In double quotes as TOML has them.
std::string Quoted(std::string_view text);
/// `["a", "b"]`.
std::string QuotedList(const std::vector<std::string>& texts);

/// The words of `text` in lines that begin with `prefix`, none longer than 78 bytes where a word
/// does not make it so. Every line ends with a line end.
std::string Wrapped(std::string_view text, std::string_view prefix);

/// The candidate that `text` was probably meant to be, or an empty text: a few letters changed,
/// left out, added or swapped, or only its beginning.
std::string_view ClosestTo(std::string_view text, const std::vector<std::string_view>& candidates);

}  // namespace policyd::config
