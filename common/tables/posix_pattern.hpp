#pragma once

#include <regex.h>

#include <vector>

#include "common/tables/pattern.hpp"

namespace policyd::tables {

/// An extended regular expression of regex(7), in the locale "C", as Postfix's daemons have it.
class PosixPattern final : public Pattern {
public:
    /// As CompilePattern().
    PosixPattern(const PatternText& text, bool needs_groups);
    ~PosixPattern() override;
    PosixPattern(const PosixPattern&) = delete;
    PosixPattern& operator=(const PosixPattern&) = delete;

    std::size_t Groups() const override { return compiled_.re_nsub; }
    bool Matches(const std::string& key) override;
    std::string_view Group(std::size_t n, const std::string& key) const override;

private:
    void CompileAnew();
    std::string Failure(int error) const;

    const std::string expression_;
    int options_ = 0;
    regex_t compiled_{};
    std::size_t seen_ = 0;  ///< bytes of keys since it was compiled
    std::vector<regmatch_t> groups_;
};

}  // namespace policyd::tables
