// What Dovecot stores counts against the quota, by the figures of its plugin quota_clone: the real
// Dovecot, Redis, policyd-scan and policyd.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/integration/small_site.hpp"
#include "tests/support/cloning_dovecot.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/redis_server.hpp"

namespace policyd::test {
namespace {

namespace fs = std::filesystem;

class DovecotSourceTest : public testing::Test {
protected:
    DovecotSourceTest() : dovecot_(clone_.TcpEndpoint().port, "q/") {}

    SmallSite::Options Options(const std::string& source) {
        return {
            {"usage_store", SmallSite::Quoted("redis:" + store_.UnixEndpoint().ToText())},
            {"redis_time_limit", SmallSite::Quoted("10s")},
            {"request_time_limit", SmallSite::Quoted("20s")},
            {"checks", "[\"mailbox_quota\"]"},
            {"virtual_mailbox_limit_maps", "[\"inline:{joe@example.com=10000}\"]"},
            {"virtual_mailbox_base", SmallSite::Quoted((directory_ / "mail").string())},
            {"scan_live", "\"off\""},
            {"scan_interval", "\"1s\""},
            {"reservation_grace", "\"0s\""},
            {"scan_state_file", "\"\""},
            {"usage_source", SmallSite::Quoted(source)},
            {"dovecot_quota_clone", SmallSite::Quoted("redis:" + clone_.TcpEndpoint().ToText())},
            {"dovecot_quota_clone_prefix", "\"q/\""},
            {"dovecot_quota_clone_interval", "\"100ms\""}};
    }

    std::unique_ptr<Process> StartScanner(const SmallSite& site) {
        Process::Options options;
        options.output = directory_ / "scan.out";
        return std::make_unique<Process>(
            std::vector<std::string>{ProgramPath("policyd-scan"), "--config",
                                     site.Config().string(), "--quiet"},
            options);
    }

    static std::string UsageOf(const SmallSite& site, const std::string& mailbox) {
        const Finished shown = test::Run(
            {ProgramPath("policyctl"), "usage", "--config", site.Config().string(), mailbox});
        return shown.output;
    }

    void WaitForUsage(const SmallSite& site, const std::string& bytes, const std::string& messages,
                      const std::string& mailbox = "joe@example.com") {
        const std::string wanted = mailbox + "\t" + bytes + "\t" + messages + "\t";
        WaitUntil(
            "usage " + bytes + " of " + mailbox,
            [&] { return UsageOf(site, mailbox).find(wanted) != std::string::npos; },
            directory_ / "scan.out");
    }

    static std::string AtRcpt(const SmallSite& site, const std::string& instance,
                              const std::string& size) {
        PolicyClient client(site.Socket());
        return client.Ask(RequestText({{"request", "smtpd_access_policy"},
                                       {"protocol_state", "RCPT"},
                                       {"instance", instance},
                                       {"recipient", "joe@example.com"},
                                       {"size", size}}));
    }

    ScratchDirectory directory_;
    RedisServer store_;
    RedisServer clone_;
    CloningDovecot dovecot_;
};

TEST_F(DovecotSourceTest, AloneTellsWhatDovecotHasStored) {
    const SmallSite site(Options("dovecot"));
    const PolicydProcess policyd(site.Config(), site.Socket());
    const auto scanner = StartScanner(site);
    dovecot_.Save("joe@example.com", "Subject: x\n\n" + std::string(9'000, 'x') + "\n");
    WaitForUsage(site, "9013", "1");
    EXPECT_EQ(AtRcpt(site, "a.1", "988"), "552 5.2.2 Mailbox is full");
    EXPECT_EQ(AtRcpt(site, "a.2", "987"), "DUNNO");

    dovecot_.DeleteAll("joe@example.com");
    WaitForUsage(site, "0", "0");
    EXPECT_EQ(AtRcpt(site, "a.3", "9000"), "DUNNO");

    clone_.Command({"DEL", "q/joe@example.com/quota/storage", "q/joe@example.com/quota/messages"});
    dovecot_.Save("other@example.com", "Subject: x\n\ny\n");
    WaitUntil("joe to be gone", [&] {
        return UsageOf(site, "joe@example.com").find("\t0\t0\t") == std::string::npos;
    });
    scanner->Signal(SIGTERM);
    EXPECT_EQ(scanner->Wait(), 0) << ReadFile(directory_ / "scan.out");
}

TEST_F(DovecotSourceTest, AMessageCountsTwiceForNoLongerThanTheGrace) {
    SmallSite::Options options = Options("dovecot");
    options["reservation_grace"] = "\"1s\"";
    options["scan_refresh_interval"] = "\"1h\"";
    const SmallSite site(options);
    const PolicydProcess policyd(site.Config(), site.Socket());
    const auto scanner = StartScanner(site);
    PolicyClient client(site.Socket());
    for (const char* state : {"RCPT", "END-OF-MESSAGE"})
        EXPECT_EQ(client.Ask(RequestText({{"protocol_state", state},
                                          {"instance", "a.1"},
                                          {"recipient", "joe@example.com"},
                                          {"recipient_count", "1"},
                                          {"size", "6013"}})),
                  "DUNNO");
    dovecot_.Save("joe@example.com", "Subject: x\n\n" + std::string(6'000, 'x') + "\n");
    WaitForUsage(site, "6013", "1");
    WaitUntil("room for what there is room for",
              [&] { return AtRcpt(site, "a.2", "3900") == "DUNNO"; });
    scanner->Signal(SIGTERM);
    EXPECT_EQ(scanner->Wait(), 0) << ReadFile(directory_ / "scan.out");
}

TEST_F(DovecotSourceTest, TellsAStoreAgainWhatItLostAndRemovesWhatWentMeanwhileIfThatIsAccepted) {
    const SmallSite site(Options("dovecot"));
    auto scanner = StartScanner(site);
    dovecot_.Save("joe@example.com", "Subject: x\n\ny\n");
    dovecot_.Save("gone@example.com", "Subject: x\n\ny\n");
    WaitForUsage(site, "14", "1");
    store_.Command({"FLUSHALL"});
    WaitForUsage(site, "14", "1");
    WaitForUsage(site, "14", "1", "gone@example.com");
    scanner->Signal(SIGTERM);
    EXPECT_EQ(scanner->Wait(), 0) << ReadFile(directory_ / "scan.out");

    clone_.Command(
        {"DEL", "q/gone@example.com/quota/storage", "q/gone@example.com/quota/messages"});
    std::vector<std::string> once{ProgramPath("policyd-scan"), "--config", site.Config().string(),
                                  "--once"};
    EXPECT_EQ(test::Run(once).status, 3) << "Dovecot may not have counted it yet";
    EXPECT_THAT(UsageOf(site, "gone@example.com"), testing::HasSubstr("\t14\t1\t"));
    once.push_back("--accept-removals");
    EXPECT_EQ(test::Run(once).status, 0);
    EXPECT_THAT(UsageOf(site, "gone@example.com"), testing::Not(testing::HasSubstr("\t14\t1\t")));
    WaitForUsage(site, "14", "1");
}

TEST_F(DovecotSourceTest, TellsAStoreAgainThatIsBackWithAnOlderSave) {
    RedisServer store({"--appendonly", "no"});
    SmallSite::Options options = Options("dovecot");
    for (auto& [name, value] : options)
        if (name == "usage_store")
            value = SmallSite::Quoted("redis:" + store.UnixEndpoint().ToText());
    const SmallSite site(options);
    const auto scanner = StartScanner(site);
    dovecot_.Save("joe@example.com", "Subject: x\n\n" + std::string(9'000, 'x') + "\n");
    WaitForUsage(site, "9013", "1");
    store.Command({"SAVE"});
    dovecot_.DeleteAll("joe@example.com");
    WaitForUsage(site, "0", "0");
    store.Stop(SIGKILL);
    store.Start();
    WaitForUsage(site, "0", "0");
    scanner->Signal(SIGTERM);
    EXPECT_EQ(scanner->Wait(), 0) << ReadFile(directory_ / "scan.out");
}

TEST_F(DovecotSourceTest, BesideTheMaildirsAFigureSaysThatAMailboxIsToBeMeasured) {
    SmallSite::Options options = Options("both");
    options["scan_interval"] = "\"1h\"";
    // For so long a wrong figure would be seen.
    options["scan_settle_time"] = "\"2s\"";
    const SmallSite site(options);
    const PolicydProcess policyd(site.Config(), site.Socket());
    const fs::path maildir = directory_ / "mail/example.com/joe/";
    for (const char* part : {"new", "cur", "tmp"}) fs::create_directories(maildir / part);
    // A figure that was there before counts for nothing: from when it is nobody can tell.
    dovecot_.Save("joe@example.com", "Subject: x\n\n" + std::string(9'000, 'x') + "\n");
    std::ofstream(maildir / "cur/1.one.mx:2,S") << std::string(100, 'x');
    const auto scanner = StartScanner(site);
    WaitForUsage(site, "100", "1");
    WaitUntil("Dovecot's figures to be followed", [&] {
        return ReadFile(directory_ / "scan.out").find("dovecot: its figures are followed") !=
               std::string::npos;
    });
    // No Maildir tells better.
    dovecot_.Save("other@example.com", "Subject: x\n\ny\n");
    WaitForUsage(site, "14", "1", "other@example.com");

    std::ofstream(maildir / "cur/2.two.mx:2,S") << std::string(50, 'x');
    dovecot_.Save("joe@example.com", "Subject: x\n\ny\n");
    WaitForUsage(site, "150", "2");
    // What it had counted once is not what is there now.
    dovecot_.Save("joe@example.com", "Subject: x\n\ny\n");
    dovecot_.Save("another@example.com", "Subject: x\n\ny\n");
    WaitForUsage(site, "14", "1", "another@example.com");
    EXPECT_THAT(UsageOf(site, "joe@example.com"), testing::HasSubstr("\t150\t2\t"));
    scanner->Signal(SIGTERM);
    EXPECT_EQ(scanner->Wait(), 0) << ReadFile(directory_ / "scan.out");
}

}  // namespace
}  // namespace policyd::test
