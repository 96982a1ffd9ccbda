#include "common/tables/cidr_parser.hpp"
#include "common/tables/logical_lines.hpp"
#include "tests/fuzz/targets.hpp"

namespace policyd::fuzz {

void RunCidr(std::string_view bytes) {
    const tables::WarningSink ignore = [](const std::string&) {};
    tables::CidrRules rules;
    tables::CidrParser parser("fuzz", rules, ignore);
    tables::LogicalLines lines("fuzz", bytes, ignore);
    while (const auto line = lines.Next()) parser.AddLine(line->text, line->first);
    parser.Finish();
    rules.Finish();
    for (const char* address : {"192.0.2.1", "255.255.255.255", "2001:db8::1", "::"})
        rules.Find(*tables::ParseAddress(address));
    if (const auto address = tables::ParseAddress(bytes)) rules.Find(*address);
}

}  // namespace policyd::fuzz
