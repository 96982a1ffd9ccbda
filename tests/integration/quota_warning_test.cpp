// Warnings of mailboxes that fill up, by the real servers: whoever sees a crossing, the command
// runs once for it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/integration/small_site.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/redis_server.hpp"

namespace policyd::test {
namespace {

namespace fs = std::filesystem;

class QuotaWarningTest : public testing::Test {
protected:
    /// A server of the site, with the command that writes its arguments into a file.
    SmallSite::Options Options() {
        return {{"usage_store", SmallSite::Quoted("redis:" + redis_.UnixEndpoint().ToText())},
                {"redis_time_limit", SmallSite::Quoted("10s")},
                {"request_time_limit", SmallSite::Quoted("20s")},
                {"workers", "2"},
                {"checks", "[\"mailbox_quota\"]"},
                {"virtual_mailbox_limit_maps", "[\"inline:{joe@example.com=10000}\"]"},
                {"quota_warnings", "[80, 95]"},
                {"quota_warning_command", SmallSite::Quoted(Command("told"))},
                {"quota_warning_command_pause", SmallSite::Quoted("0s")},
                {"virtual_mailbox_base", SmallSite::Quoted((directory_ / "mail").string())},
                {"scan_live", "\"off\""},
                {"scan_refresh_interval", "\"1s\""},
                {"reservation_grace", "\"0s\""},
                {"scan_state_file", "\"\""}};
    }

    std::string Command(const std::string& name, const std::string& body = "") {
        const fs::path script = directory_.Write(
            name + ".sh", "#!/bin/sh\n" + body + "echo \"$@\" >>" + Told(name).string() + "\n");
        fs::permissions(script, fs::perms::owner_all);
        return script.string();
    }
    fs::path Told(const std::string& name = "told") const { return directory_ / (name + ".txt"); }

    std::vector<std::string> Lines() const {
        std::vector<std::string> lines;
        std::ifstream file(Told());
        for (std::string line; std::getline(file, line);) lines.push_back(line);
        return lines;
    }
    void WaitForLines(std::size_t count) const {
        WaitUntil(std::to_string(count) + " warnings", [&] { return Lines().size() >= count; });
    }

    /// A message that is accepted.
    static void Accept(const SmallSite& site, const std::string& instance,
                       const std::string& size) {
        PolicyClient client(site.Socket());
        const auto ask = [&](const char* stage) {
            return client.Ask(RequestText({{"request", "smtpd_access_policy"},
                                           {"protocol_state", stage},
                                           {"instance", instance},
                                           {"recipient", "joe@example.com"},
                                           {"recipient_count", "1"},
                                           {"size", size}}));
        };
        ASSERT_EQ(ask("RCPT"), "DUNNO");
        ASSERT_EQ(ask("END-OF-MESSAGE"), "DUNNO");
    }

    /// What joe's Maildir holds, and a scan of it.
    void Scan(const SmallSite& site, std::size_t bytes) {
        const fs::path maildir = directory_ / "mail/example.com/joe/";
        for (const char* part : {"new", "cur", "tmp"}) fs::create_directories(maildir / part);
        for (const auto& file : fs::directory_iterator(maildir / "cur")) fs::remove(file.path());
        std::ofstream(maildir / "cur" / ("1." + std::to_string(bytes) + ".mx:2,S"))
            << std::string(bytes, 'x');
        const Finished scan = test::Run(
            {ProgramPath("policyd-scan"), "--config", site.Config().string(), "--once", "--quiet"});
        ASSERT_EQ(scan.status, 0) << scan.errors;
    }

    ScratchDirectory directory_;
    RedisServer redis_;
};

TEST_F(QuotaWarningTest, TheCommandRunsOnceForEachCrossingWhoeverSeesIt) {
    const SmallSite site(Options());
    const SmallSite other(Options());
    PolicydProcess policyd(site.Config(), site.Socket());
    PolicydProcess second(other.Config(), other.Socket());

    Accept(site, "a.1", "7999");
    Accept(site, "a.2", "1");
    WaitForLines(1);
    Accept(other, "b.1", "10");
    Scan(site, 8'100);
    Scan(site, 8'200);
    Scan(site, 9'600);
    WaitForLines(2);
    Scan(site, 9'200);
    Accept(other, "b.2", "400");
    Scan(site, 100);
    WaitForLines(3);
    policyd.Stop();
    policyd.Start();
    Scan(site, 200);
    Accept(site, "a.3", "7700");
    Accept(site, "a.4", "200");
    WaitForLines(4);

    EXPECT_THAT(Lines(), testing::ElementsAre("joe@example.com 80 8000 10000 over bytes",
                                              "joe@example.com 95 9600 10000 over bytes",
                                              "joe@example.com 80 100 10000 below bytes",
                                              "joe@example.com 80 8100 10000 over bytes"));
    const std::string logged = policyd.Output() + second.Output();
    EXPECT_THAT(logged, testing::HasSubstr(
                            "quota warning: joe@example.com is over 95%: 9600 of 10000 bytes"));
    EXPECT_EQ(site.Metric("policyd_quota_warning_commands_total{result=\"failure\"}"), 0);
}

TEST_F(QuotaWarningTest, WhatWaitsForTheCommandIsToldOfAfterARestart) {
    SmallSite::Options options = Options();
    options["quota_warning_command_pause"] = SmallSite::Quoted("1h");
    const SmallSite patient(options);
    PolicydProcess policyd(patient.Config(), patient.Socket());
    Accept(patient, "a.1", "8200");
    WaitForLines(1);
    Accept(patient, "a.2", "1400");
    WaitUntil("the next is noticed", [&] {
        return policyd.Output().find("joe@example.com is over 95%") != std::string::npos;
    });
    policyd.Stop();
    const SmallSite site(Options());
    PolicydProcess again(site.Config(), site.Socket());
    WaitForLines(2);
    EXPECT_THAT(Lines(), testing::ElementsAre("joe@example.com 80 8200 10000 over bytes",
                                              "joe@example.com 95 9600 10000 over bytes"));
}

TEST_F(QuotaWarningTest, MessagesThatAreAbortedAreNotWarnedOf) {
    const SmallSite site(Options());
    PolicydProcess policyd(site.Config(), site.Socket());
    PolicyClient client(site.Socket());
    for (const char* const instance : {"a.1", "a.2", "a.3"})
        ASSERT_EQ(
            client.Ask(RequestText(
                {{"instance", instance}, {"recipient", "joe@example.com"}, {"size", "9000"}})),
            "DUNNO");
    Accept(site, "a.3", "8500");
    WaitForLines(1);
    EXPECT_THAT(Lines(), testing::ElementsAre("joe@example.com 80 8500 10000 over bytes"));
}

TEST_F(QuotaWarningTest, WhatScansFindIsToldOfWhereMailIsNotCheckedForRoomToo) {
    SmallSite::Options options = Options();
    options["checks"] = "[\"client_access\"]";
    const SmallSite site(options);
    PolicydProcess policyd(site.Config(), site.Socket());
    Scan(site, 8'100);
    WaitForLines(1);
    EXPECT_THAT(Lines(), testing::ElementsAre("joe@example.com 80 8100 10000 over bytes"));
}

TEST_F(QuotaWarningTest, TheNumberOfMessagesIsWarnedOfAsWell) {
    SmallSite::Options options = Options();
    options["virtual_mailbox_message_limit_maps"] = "[\"inline:{joe@example.com=5}\"]";
    const SmallSite site(options);
    PolicydProcess policyd(site.Config(), site.Socket());
    for (const char* const instance : {"a.1", "a.2", "a.3", "a.4"}) Accept(site, instance, "10");
    WaitForLines(1);
    EXPECT_THAT(Lines(), testing::ElementsAre("joe@example.com 80 4 5 over messages"));
}

TEST_F(QuotaWarningTest, ACommandThatHangsIsKilledAndTheNextOneRuns) {
    SmallSite::Options options = Options();
    options["quota_warning_command"] = SmallSite::Quoted(
        Command("told", "case $2 in 80) echo $$ >" + (directory_ / "pid").string() +
                            "; sleep 1000 & sleep 1000;; esac\n"));
    options["quota_warning_command_time_limit"] = "\"300ms\"";
    const SmallSite site(options);
    PolicydProcess policyd(site.Config(), site.Socket());
    Accept(site, "a.1", "8000");
    Accept(site, "a.2", "1500");
    WaitForLines(1);

    EXPECT_THAT(Lines(), testing::ElementsAre("joe@example.com 95 9500 10000 over bytes"));
    EXPECT_EQ(site.Metric("policyd_quota_warning_commands_total{result=\"timeout\"}"), 1);
    const std::string leader = std::to_string(std::stoi(ReadFile(directory_ / "pid")));
    WaitUntil("the end of what it had started", [&leader] {
        return test::Run({"pgrep", "-g", leader, "-r", "R,S,D"}).status == 1;
    });
}

TEST_F(QuotaWarningTest, ACommandThatCannotBeStartedHoldsUpNothing) {
    SmallSite::Options options = Options();
    options["quota_warning_command"] = "\"/no/such/program\"";
    const SmallSite site(options);
    PolicydProcess policyd(site.Config(), site.Socket());
    Accept(site, "a.1", "8000");
    WaitUntil("the failure", [&] {
        return site.Metric("policyd_quota_warning_commands_total{result=\"failure\"}") == 1;
    });
    Accept(site, "a.2", "100");
}

}  // namespace
}  // namespace policyd::test
