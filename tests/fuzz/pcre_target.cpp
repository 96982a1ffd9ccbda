#include "common/outage/unavailable.hpp"
#include "common/tables/logical_lines.hpp"
#include "common/tables/pattern_table.hpp"
#include "tests/fuzz/targets.hpp"

namespace policyd::fuzz {

/// Rules of regexp: tables are read alike, but the C library is not made for expressions from
/// outside.
void RunPcre(std::string_view bytes) {
    const tables::WarningSink ignore = [](const std::string&) {};
    tables::LogicalLines lines("fuzz", bytes, ignore);
    tables::PatternParser parser(tables::PatternSyntax::kPerl, tables::Substitution::kAllowed,
                                 "fuzz", ignore);
    while (const auto line = lines.Next()) parser.AddLine(line->UpToZeroByte(), line->first);
    const tables::PatternTable table("fuzz", tables::PatternSyntax::kPerl,
                                     std::make_shared<const tables::PatternRules>(parser.Finish()));
    for (const std::string_view key :
         {std::string_view("user+x@example.com"), bytes.substr(0, 40)}) {
        try {
            table.FindNow(key);
        } catch (const outage::TableUnavailable&) {  // it would take too long, or is half a letter
        }
    }
}

}  // namespace policyd::fuzz
