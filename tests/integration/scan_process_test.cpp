// policyd-scan as a process: as whom it runs, what it makes, its signals, and what it says to whom.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <sstream>

#include "tests/integration/scan_site.hpp"
#include "tests/support/notify_socket.hpp"
#include "tests/support/postfix_instance.hpp"
#include "tests/support/smtp_client.hpp"

namespace policyd {
namespace {

class ScanProcessTest : public ScanSiteTest {};

/// The nice values of all threads of a process, as proc(5) has them.
std::multiset<int> NiceValuesOf(pid_t process) {
    std::multiset<int> values;
    for (const auto& thread :
         fs::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
        const std::string status = test::ReadFile(thread.path() / "stat");
        std::istringstream fields(status.substr(status.rfind(')') + 1));
        std::string field;
        for (int at = 3; at <= 19; ++at) fields >> field;
        values.insert(std::stoi(field));
    }
    return values;
}

TEST_F(ScanProcessTest, MakesWayForOthersInEveryThreadThatReads) {
    constexpr int kThreads = 3;
    Deliver("example.org/ann", 7);
    daemon_.emplace(scratch_.Path(), "off", "1h", "scan_nice = 17\nscan_io_priority = \"idle\"\n",
                    kThreads);
    daemon_->Start();
    test::WaitUntil(
        "the first figures", [&] { return !daemon_->Found().empty(); }, scratch_ / "scan.log");

    const std::multiset<int> values = NiceValuesOf(daemon_->Pid());

    constexpr std::size_t kLoopAndSurvey = 2;
    constexpr std::size_t kLogAndSanitizer = 2;
    EXPECT_GE(values.count(17), kThreads + kLoopAndSurvey);
    EXPECT_LE(values.size(), values.count(17) + kLogAndSanitizer);
    EXPECT_EQ(daemon_->Stop(), 0);
}

TEST_F(ScanProcessTest, CountsPrivateMailboxesAsAUserWhoMayReadEverythingAndNothingElse) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can run it as another user";
    for (const char* maildir : {"ann", "ann/.Sent", "bob"})
        Deliver("example.org/" + std::string(maildir), 10, false);
    for (const auto& entry : fs::recursive_directory_iterator(Root()))
        fs::permissions(entry, fs::perms::owner_all);
    fs::permissions(Root(), fs::perms::owner_all);
    constexpr uid_t kNobody = 65534;
    ASSERT_EQ(chown(scratch_.Path().c_str(), kNobody, kNobody), 0);
    // As tables with a password are: of Postfix's group, which the scanner is not in.
    const fs::path table = scratch_.Write("limits", "ann@example.org 1000\n");
    fs::permissions(table, fs::perms::owner_all);
    const std::string with_table =
        "virtual_mailbox_limit_maps = [\"texthash:" + table.string() + "\"]\n";

    daemon_.emplace(scratch_.Path(), "off", "1h");
    EXPECT_EQ(daemon_->ScanOnce(AsNobody("")), 1) << daemon_->Log();
    daemon_.emplace(scratch_.Path(), "off", "1h", with_table);
    EXPECT_EQ(daemon_->ScanOnce(AsNobody("")), 2) << daemon_->Log();
    EXPECT_EQ(daemon_->ScanOnce(AsNobody(",+dac_read_search")), 0) << daemon_->Log();

    ExpectTruth();
}

TEST_F(ScanProcessTest, WhatRootMakesByHandIsForTheUserOfTheDaemon) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can run it as another user";
    Deliver("example.org/ann", 10);
    constexpr uid_t kNobody = 65534;
    ASSERT_EQ(chown(scratch_.Path().c_str(), kNobody, kNobody), 0);
    fs::permissions(scratch_.Path(), fs::perms::owner_all | fs::perms::group_all);
    daemon_.emplace(scratch_.Path(), "off", "1h",
                    "log_destination = \"file:" + (scratch_ / "policyd.log").string() + "\"\n");
    ASSERT_EQ(daemon_->ScanOnce({"sh", "-c", "umask 022; exec \"$@\"", "as root"}), 0)
        << daemon_->Log();

    Deliver("example.org/ann", 7);
    EXPECT_EQ(daemon_->ScanOnce(AsNobody(",+dac_read_search")), 0) << daemon_->Log();
    ExpectTruth();
}

TEST_F(ScanProcessTest, MetricsThatRootWritesByHandBelongToTheOwnerOfTheirDirectory) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can run it as another user";
    Deliver("example.org/ann", 10);
    constexpr uid_t kNobody = 65534;
    const fs::path directory = scratch_ / "metrics";
    fs::create_directory(directory);
    ASSERT_EQ(chown(directory.c_str(), kNobody, kNobody), 0);
    std::ofstream(scratch_ / "of somebody else") << "as it was";
    fs::create_hard_link(scratch_ / "of somebody else", directory / "scan.prom.new");
    daemon_.emplace(scratch_.Path(), "off", "1h",
                    "scan_metrics_file = \"" + (directory / "scan.prom").string() + "\"\n");
    ASSERT_EQ(daemon_->ScanOnce({"sh", "-c", "umask 077; exec \"$@\"", "as root"}), 0)
        << daemon_->Log();
    struct stat file {};
    ASSERT_EQ(stat((directory / "scan.prom").c_str(), &file), 0);
    EXPECT_EQ(file.st_uid, kNobody);
    EXPECT_EQ(file.st_gid, kNobody);
    EXPECT_EQ(test::ReadFile(scratch_ / "of somebody else"), "as it was");
}

TEST_F(ScanProcessTest, MeasuresWhatPostfixDeliversToUsersWhoAreNamedAsPartsOfMaildirs) {
    const test::PostfixInstance postfix(test::PostfixInstance::Parameters{
        {"virtual_mailbox_domains", "example.org, example.net"},
        {"virtual_mailbox_maps",
         "inline:{@example.org=example.org/, new@example.org=example.org/new/,"
         " tmp@example.org=example.org/tmp/, new@example.net=example.net/new/,"
         " cur@example.net=example.net/cur/, tmp@example.net=example.net/tmp/}"},
    });
    const std::vector<std::string> mailboxes = {"@example.org",    "new@example.org",
                                                "tmp@example.org", "new@example.net",
                                                "cur@example.net", "tmp@example.net"};
    for (const std::string& mailbox : mailboxes) {
        test::SmtpClient client(postfix.Port());
        client.Mail("sender@elsewhere.example");
        ASSERT_TRUE(client.Rcpt(mailbox.front() == '@' ? "any" + mailbox : mailbox).IsPositive());
        ASSERT_TRUE(client.Data(test::SampleMessage(100 * mailbox.size())).IsPositive());
        client.Quit();
        // virtual(8) makes a catch-all's `cur` only where it does not find users' `new` and `tmp`.
        postfix.WaitUntilIdle();
    }
    fs::create_directory_symlink(postfix.MailStore(), Root());
    daemon_.emplace(scratch_.Path(), "off", "1h");

    EXPECT_EQ(daemon_->ScanOnce(), 0) << daemon_->Log();

    test::Figures truth;
    for (const std::string& mailbox : mailboxes) {
        const std::size_t at = mailbox.find('@');
        truth[mailbox] =
            test::RecountMailbox(Root() / mailbox.substr(at + 1) / mailbox.substr(0, at));
        EXPECT_EQ(truth[mailbox].messages, 1u) << mailbox;
    }
    EXPECT_EQ(Text(daemon_->Found()), Text(truth));
}

TEST_F(ScanProcessTest, ASecondOneSaysWhyItEndsWhereverTheLogIs) {
    Deliver("example.org/ann", 10);
    daemon_.emplace(scratch_.Path(), "off", "24h",
                    "log_destination = \"file:" + (scratch_ / "policyd.log").string() + "\"\n");
    daemon_->Start();
    test::WaitUntil("the first figures", [&] { return !daemon_->Found().empty(); });
    EXPECT_EQ(daemon_->ScanOnce({}, "--verify"), 1);
    EXPECT_NE(daemon_->Log().find("in use by another policyd-scan"), std::string::npos);
    EXPECT_EQ(daemon_->Stop(), 0);
}

TEST_F(ScanProcessTest, AReportThatCannotBeWrittenIsAnError) {
    Deliver("example.org/ann", 10);
    daemon_.emplace(scratch_.Path(), "off", "1h");
    EXPECT_EQ(daemon_->ScanOnce({"sh", "-c", "exec \"$@\" >/dev/full", "to a full disk"}), 1);
    ExpectTruth();
}

TEST_F(ScanProcessTest, TellsAtAHangUpWhatOnlyARestartChanges) {
    Deliver("example.org/ann", 10);
    daemon_.emplace(scratch_.Path(), "off", "24h");
    daemon_->Start();
    test::WaitUntil("the first figures", [&] { return !daemon_->Found().empty(); });
    const auto told = [&](const std::string& text) {
        daemon_->Signal(SIGHUP);
        test::WaitUntil(
            text, [&] { return daemon_->Log().find(text) != std::string::npos; },
            scratch_ / "scan.log");
    };
    std::ofstream(scratch_ / "policyd.toml", std::ios::app) << "scan_rate_limit = 7\nworkers = 3\n";
    told("take effect on a restart of policyd-scan only: scan_rate_limit\n");
    std::ofstream(scratch_ / "policyd.toml", std::ios::app) << "scan_rate_limits = 7\n";
    told("reload: what runs stays as it is: ");
    EXPECT_EQ(daemon_->Stop(), 0);
}

TEST_F(ScanProcessTest, IsReadyWhileTheStoreIsAwayAndTellsTheServiceManagerWhatItWaitsFor) {
    Deliver("example.org/ann", 10);
    const fs::path store = scratch_ / "store";
    daemon_.emplace(scratch_.Path(), "off", "1h", "", 2,
                    "sqlite:" + (store / "usage.sqlite").string());
    test::NotifySocket notify(scratch_ / "notify.sock");
    daemon_->Start({}, {"NOTIFY_SOCKET=" + (scratch_ / "notify.sock").string()});
    ASSERT_EQ(notify.Next(), "READY=1\nSTATUS=first scan") << daemon_->Log();
    EXPECT_EQ(notify.Next(), "STATUS=waiting for the usage store");
    fs::create_directory(store);
    EXPECT_EQ(notify.Next(), "STATUS=first scan");
    EXPECT_EQ(notify.Next(), "STATUS=watching");
    ExpectTruth();
    EXPECT_EQ(daemon_->Stop(), 0);
    EXPECT_EQ(notify.Next(), "STOPPING=1");
}

TEST_F(ScanProcessTest, TellsTheServiceManagerThatThereIsNoMailStore) {
    daemon_.emplace(scratch_.Path(), "off", "1h");
    test::NotifySocket notify(scratch_ / "notify.sock");
    daemon_->Start({}, {"NOTIFY_SOCKET=" + (scratch_ / "notify.sock").string()});
    ASSERT_EQ(notify.Next(), "READY=1\nSTATUS=first scan") << daemon_->Log();
    EXPECT_EQ(notify.Next(), "STATUS=waiting for the mail store");
    EXPECT_EQ(daemon_->Stop(), 0);
}

TEST_F(ScanProcessTest, IsReadyBeforeDovecotsFirstFiguresWhereThereAreNoOthers) {
    daemon_.emplace(scratch_.Path(), "off", "1h",
                    "usage_source = \"dovecot\"\ndovecot_quota_clone = \"redis:unix:" +
                        (scratch_ / "none.sock").string() + "\"\n");
    test::NotifySocket notify(scratch_ / "notify.sock");
    daemon_->Start({}, {"NOTIFY_SOCKET=" + (scratch_ / "notify.sock").string()});
    EXPECT_EQ(notify.Next(), "READY=1\nSTATUS=waiting for the first figures") << daemon_->Log();
    EXPECT_EQ(daemon_->Stop(), 0);
}

}  // namespace
}  // namespace policyd
