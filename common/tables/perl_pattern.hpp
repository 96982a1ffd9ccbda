#pragma once

#include <memory>

#include "common/tables/pattern.hpp"

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;
struct pcre2_real_match_context_8;

namespace policyd::tables {

/// A regular expression of pcre2pattern(3), which takes keys for bytes, as Postfix has it.
class PerlPattern final : public Pattern {
public:
    /// As CompilePattern().
    explicit PerlPattern(const PatternText& text);

    std::size_t Groups() const override;
    bool Matches(const std::string& key) override;
    std::string_view Group(std::size_t n, const std::string& key) const override;

private:
    struct Free {
        void operator()(pcre2_real_code_8* code) const noexcept;
        void operator()(pcre2_real_match_data_8* data) const noexcept;
        void operator()(pcre2_real_match_context_8* context) const noexcept;
    };

    std::unique_ptr<pcre2_real_code_8, Free> compiled_;
    std::unique_ptr<pcre2_real_match_data_8, Free> match_;
    std::unique_ptr<pcre2_real_match_context_8, Free> limits_;
};

}  // namespace policyd::tables
