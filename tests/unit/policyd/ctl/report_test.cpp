#include "policyd/ctl/report.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "policyd/ctl/exit_status.hpp"

namespace policyd::ctl {
namespace {

TEST(ReportTest, CountsEveryLineOfAnErrorAndEndsWithTheWorstStatus) {
    std::ostringstream out;
    Report report(out);
    EXPECT_EQ(report.Status(), kSuccess);
    report.Warning("w");
    EXPECT_EQ(report.Status(), kSuccess);
    const int server = 0;
    report.Unreachable("u", &server);
    report.Unreachable("v", &server);
    EXPECT_EQ(report.Status(), kTemporaryFailure);
    report.Error("a:1: x\na:2: y");
    EXPECT_EQ(report.Status(), kBadConfiguration);
    report.Summarize();
    EXPECT_EQ(out.str(),
              "warning: w\nunreachable: u\nunreachable: v\nerror: a:1: x\nerror: a:2: y\n"
              "2 errors, 1 back end unreachable, 1 warning\n");
}

TEST(ReportTest, SaysAWarningOnce) {
    std::ostringstream out;
    Report report(out);
    report.Warning("a.cf:1: odd");
    report.Warning("a.cf:1: odd");
    report.Summarize();
    EXPECT_EQ(out.str(), "warning: a.cf:1: odd\n0 errors, 0 back ends unreachable, 1 warning\n");
}

}  // namespace
}  // namespace policyd::ctl
