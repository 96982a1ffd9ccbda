#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace policyd::tables {

/// Whose regular expressions a table is made of.
enum class PatternSyntax {
    kPosix,  ///< regexp_table(5): those of the C library
    kPerl,   ///< pcre_table(5): those of PCRE2
};

/// A regular expression as it is written: between its delimiters, and the flags behind them.
struct PatternText {
    std::string expression;
    std::string flags;
};

/// Whether a key matches cannot be told: not by this library, or not in reasonable time.
class MatchFailure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A compiled regular expression, with the memory that matching takes: belongs to one thread.
class Pattern {
public:
    virtual ~Pattern() = default;

    /// How many groups it has.
    virtual std::size_t Groups() const = 0;
    /// Whether it matches `key`, or a part of it. The key has no zero byte. Throws MatchFailure.
    virtual bool Matches(const std::string& key) = 0;
    /// What the n-th group, from 1, matched in `key`, the last one that Matches() was true of;
    /// empty where it took no part.
    virtual std::string_view Group(std::size_t n, const std::string& key) const = 0;
};

/// `needs_groups` is false where Group() will not be called. Throws std::invalid_argument for what
/// Postfix would not compile either.
std::unique_ptr<Pattern> CompilePattern(PatternSyntax syntax, const PatternText& text,
                                        bool needs_groups);

}  // namespace policyd::tables
