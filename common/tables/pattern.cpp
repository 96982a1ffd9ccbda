#include "common/tables/pattern.hpp"

#include "common/tables/perl_pattern.hpp"
#include "common/tables/posix_pattern.hpp"

namespace policyd::tables {

std::unique_ptr<Pattern> CompilePattern(PatternSyntax syntax, const PatternText& text,
                                        bool needs_groups) {
    if (syntax == PatternSyntax::kPerl) return std::make_unique<PerlPattern>(text);
    return std::make_unique<PosixPattern>(text, needs_groups);
}

}  // namespace policyd::tables
