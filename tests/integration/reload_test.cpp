// Reloads: of what is new and of what is not, of mistakes, beside requests and messages under way,
// and of files that hang.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <memory>
#include <utility>

#include "tests/integration/client_load.hpp"
#include "tests/integration/small_site.hpp"

namespace policyd::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

class ReloadTest : public testing::Test {
protected:
    Finished PolicyCtl(const std::string& command) const {
        return TellPolicyd(command, site_.ControlSocket());
    }
    std::string ActionFor(const std::string& recipient) const {
        return PolicyClient(site_.Socket()).AskRcpt(recipient);
    }

    SmallSite site_;
    PolicydProcess policyd_{site_.Config(), site_.Socket()};
};

TEST_F(ReloadTest, UnderLoadChangesTablesWithoutAFailedRequest) {
    const auto either = [&]() -> Load::Ask {
        auto client = std::make_shared<PolicyClient>(site_.Socket());
        return [client] {
            const std::string action = client->Ask(kJoe);
            if (action != "DUNNO" && !action.starts_with("550 ")) throw std::runtime_error(action);
        };
    };
    Load load(kClients, either);
    for (int i = 0; i < 5; ++i) {
        load.WaitForAnswers(100);
        site_.Write({{"virtual_mailbox_maps", SmallSite::Mailbox(i % 2 == 0 ? "jim" : "joe")}});
        const Finished reload = PolicyCtl("reload");
        EXPECT_EQ(reload.status, 0) << reload.errors;
        EXPECT_THAT(ActionFor("joe@example.com"), StartsWith(i % 2 == 0 ? "550" : "DUNNO"));
        EXPECT_THAT(ActionFor("jim@example.com"), StartsWith(i % 2 == 0 ? "DUNNO" : "550"));
    }
    load.Stop();
    EXPECT_EQ(load.Failure(), "");
    EXPECT_EQ(site_.Metric("policyd_reloads_total{result=\"success\"}"), 5);
}

TEST_F(ReloadTest, ABadFileLeavesTheOldStateAndTheErrorIsTold) {
    site_.Write(
        {{"virtual_mailbox_maps", SmallSite::Mailbox("jim")}, {"mailbox_full_action", "\"OK\""}});
    const Finished reload = PolicyCtl("reload");
    EXPECT_EQ(reload.status, 78);
    EXPECT_THAT(reload.errors, HasSubstr("mailbox_full_action"));
    policyd_.WaitForOutput("reload failed, the old configuration stays");
    EXPECT_EQ(ActionFor("joe@example.com"), "DUNNO");
    EXPECT_EQ(site_.Metric("policyd_last_reload_successful"), 0);

    site_.Write({});
    EXPECT_EQ(PolicyCtl("reload").status, 0);
    EXPECT_EQ(site_.Metric("policyd_last_reload_successful"), 1);
}

TEST_F(ReloadTest, AFileThatWasEmptiedLeavesTheOldStateToo) {
    fs::resize_file(site_.Config(), 0);
    policyd_.Signal(SIGHUP);
    policyd_.WaitForOutput("sets no option");
    EXPECT_THAT(ActionFor("jim@example.com"), StartsWith("550 "));
}

TEST_F(ReloadTest, ALineTwiceInATableOfTextLeavesTheOldStateToo) {
    const std::string table = site_.Directory() / "mailboxes";
    std::ofstream(table) << "joe@example.com x\n";
    site_.Write({{"virtual_mailbox_maps", SmallSite::Quoted("texthash:" + table)}});
    EXPECT_EQ(PolicyCtl("reload").status, 0);
    std::ofstream(table, std::ios::app) << "jim@example.com x\njoe@example.com y\n";
    const Finished refused = PolicyCtl("reload");
    EXPECT_EQ(refused.status, 78);
    EXPECT_THAT(refused.errors, HasSubstr("mailboxes:3: there is an earlier line with the key"));
    EXPECT_EQ(ActionFor("joe@example.com"), "DUNNO");
    EXPECT_THAT(ActionFor("jim@example.com"), StartsWith("550"));
}

TEST_F(ReloadTest, ATableThatPostmapCompilesIsFollowedWithoutOne) {
    const std::string table = site_.Directory() / "mailboxes";
    const auto add = [&table](const std::string& line) {
        std::ofstream(table, std::ios::app) << line << '\n';
    };
    const auto postmap = [&table] { EXPECT_EQ(test::Run({"postmap", "hash:" + table}).status, 0); };
    add("Joe@Example.com x");
    postmap();
    site_.Write({{"virtual_mailbox_maps", SmallSite::Quoted("hash:" + table)}});
    EXPECT_EQ(PolicyCtl("reload").status, 0);
    EXPECT_EQ(ActionFor("joe@example.com"), "DUNNO");
    EXPECT_THAT(ActionFor("jim@example.com"), StartsWith("550"));

    add("jim@example.com x");
    add("joe@example.com twice");
    postmap();
    WaitUntil("the new mailbox", [this] { return ActionFor("jim@example.com") == "DUNNO"; });
    EXPECT_EQ(ActionFor("joe@example.com"), "DUNNO");
    policyd_.WaitForOutput("has been compiled anew");

    // What is written after that may be half of it: it is nothing to a reload either.
    std::ofstream(table) << "jim@example.com x\n";
    EXPECT_EQ(PolicyCtl("reload").status, 0);
    EXPECT_EQ(ActionFor("joe@example.com"), "DUNNO");
    // And what is compiled has nothing else read.
    site_.Write({{"virtual_mailbox_maps", SmallSite::Mailbox("nobody")}});
    postmap();
    WaitUntil("the old mailbox to be gone",
              [this] { return ActionFor("joe@example.com").starts_with("550"); });
    EXPECT_EQ(ActionFor("jim@example.com"), "DUNNO");
}

TEST(StartTest, AKeyThatStandsTwiceFromTheStartOnHindersNoReload) {
    SmallSite site;
    const std::string clients = site.Directory() / "clients";
    std::ofstream(clients) << "192.0.2.1 OK\n192.0.2.1 OK\n";
    const SmallSite::Options options{
        {"client_access_maps", SmallSite::Quoted("texthash:" + clients)},
        {"client_access_failure_action", "\"DUNNO\""}};
    site.Write(options);
    PolicydProcess policyd(site.Config(), site.Socket());
    SmallSite::Options changed = options;
    changed["virtual_mailbox_maps"] = SmallSite::Mailbox("jim");
    site.Write(changed);
    EXPECT_EQ(TellPolicyd("reload", site.ControlSocket()).status, 0);
    EXPECT_EQ(PolicyClient(site.Socket()).AskRcpt("jim@example.com"), "DUNNO");
}

TEST_F(ReloadTest, AMistakeIsToldAlsoToWhomTheConfigurationIsToSayWhereTheServerIs) {
    const auto reload = [this] {
        return test::Run({ProgramPath("policyctl"), "reload", "--config", site_.Config().string()});
    };
    EXPECT_EQ(reload().status, 0);
    site_.Write({{"request_time_limit", "\"soon\""}});
    const Finished refused = reload();
    EXPECT_EQ(refused.status, 78);
    EXPECT_THAT(refused.errors, HasSubstr("request_time_limit"));
    policyd_.WaitForOutput("reload failed, the old configuration stays");
    EXPECT_EQ(ActionFor("joe@example.com"), "DUNNO");
    site_.Write({});
}

TEST_F(ReloadTest, ALogFileThatCannotBeOpenedLeavesTheOldStateToo) {
    site_.Write({{"virtual_mailbox_maps", SmallSite::Mailbox("jim")},
                 {"log_destination", "\"file:/nonexistent/policyd.log\""}});
    EXPECT_EQ(PolicyCtl("reload").status, 78);
    policyd_.WaitForOutput("reload failed, the old configuration stays");
    EXPECT_EQ(ActionFor("joe@example.com"), "DUNNO");
}

TEST(ConnectionsTest, MoreOfThemMayBeAllowedByAReload) {
    const SmallSite site(SmallSite::Options{{"max_connections", "3"}});
    PolicydProcess policyd(site.Config(), site.Socket());
    site.Write({{"max_connections", "50"}});
    ASSERT_EQ(TellPolicyd("reload", site.ControlSocket()).status, 0);
    std::vector<std::unique_ptr<PolicyClient>> clients;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(std::make_unique<PolicyClient>(site.Socket()));
        EXPECT_EQ(clients.back()->Ask(kJoe), "DUNNO");
    }
}

/// Nobody listens there: for descriptors it counts all the same.
TEST(ConnectionsTest, AMysqlTableForWhichThereAreTooFewDescriptorsLeavesTheOldState) {
    const SmallSite site(SmallSite::Options{{"mysql_connections", "200"}});
    PolicydProcess policyd(site.Config(), site.Socket(), {{"prlimit", "--nofile=500:500"}});
    policyd.WaitForOutput("too few descriptors: ");
    const fs::path table = site.Directory().Write(
        "table.cf", "hosts = inet:127.0.0.1:1\ndbname = mail\nquery = SELECT 1\n");
    site.Write({{"virtual_mailbox_maps", SmallSite::Quoted("mysql:" + table.string())}});
    const Finished reload = TellPolicyd("reload", site.ControlSocket());
    EXPECT_EQ(reload.status, 75) << "a lack of means";
    EXPECT_THAT(reload.errors, HasSubstr("raise the limit of open files"));
    EXPECT_EQ(PolicyClient(site.Socket()).AskRcpt("joe@example.com"), "DUNNO");
}

TEST_F(ReloadTest, AnUnknownTableLeavesTheOldStateToo) {
    const std::string file = (site_.Directory() / "none.cf").string();
    site_.Write({{"virtual_mailbox_maps", SmallSite::Quoted("mysql:" + file)}});
    EXPECT_EQ(PolicyCtl("reload").status, 78);
    EXPECT_EQ(ActionFor("joe@example.com"), "DUNNO");
}

TEST_F(ReloadTest, ATextFileThatIsMissingOrCannotBeReadLeavesTheOldStateToo) {
    const std::string missing = (site_.Directory() / "missing").string();
    const std::string unreadable = site_.Directory().Path().string();
    for (const std::string& table :
         {"texthash:" + missing, "texthash:" + unreadable, "cidr:" + missing, "cidr:" + unreadable,
          std::string("inline:{joe@example.com}")}) {
        site_.Write({{"virtual_mailbox_maps", SmallSite::Quoted(table)}});
        EXPECT_EQ(PolicyCtl("reload").status, 78) << table;
        EXPECT_EQ(ActionFor("joe@example.com"), "DUNNO") << table;
    }
}

TEST_F(ReloadTest, AQueryThatIsRefusedLeavesTheOldStateTooWhereACheckAsksIt) {
    std::ofstream(site_.Directory() / "db");  // an empty data base
    const fs::path table = site_.Directory().Write(
        "clients.cf", "dbpath = " + (site_.Directory() / "db").string() +
                          "\nquery = SELECT action FROM clients WHERE client = '%s'\n");
    const auto reload_with_checks = [&](const std::string& checks) {
        site_.Write({{"checks", checks},
                     {"client_access_maps", SmallSite::Quoted("sqlite:" + table.string())}});
        return PolicyCtl("reload");
    };
    const Finished refused = reload_with_checks("[\"client_access\"]");
    EXPECT_EQ(refused.status, 78);
    EXPECT_THAT(refused.errors, HasSubstr("clients.cf: "));
    EXPECT_EQ(reload_with_checks("[\"recipient\"]").status, 0);
    EXPECT_EQ(reload_with_checks("[\"client_access\"]").status, 78)
        << "it was there, and not asked";
    EXPECT_EQ(ActionFor("joe@example.com"), "DUNNO");
}

TEST(StartTest, WithATextFileThatHasAKeyTwiceNobodyIsRefusedForGood) {
    SmallSite site;
    const fs::path users = site.Directory() / "users";
    std::ofstream(users) << "ann@example.com ann/\nAnn@Example.com other/\n";
    site.Write({{"virtual_mailbox_maps", SmallSite::Quoted("texthash:" + users.string())}});
    PolicydProcess policyd(site.Config(), site.Socket());
    policyd.WaitForOutput("users:2: there is an earlier line with the key");
    for (const char* recipient : {"ann@example.com", "nobody@example.com"})
        EXPECT_THAT(PolicyClient(site.Socket()).AskRcpt(recipient), StartsWith("DEFER_IF_PERMIT "))
            << recipient;
    std::ofstream(users) << "ann@example.com ann/\n";
    EXPECT_EQ(TellPolicyd("reload", site.ControlSocket()).status, 0);
    EXPECT_EQ(PolicyClient(site.Socket()).AskRcpt("ann@example.com"), "DUNNO");
    EXPECT_THAT(PolicyClient(site.Socket()).AskRcpt("nobody@example.com"), StartsWith("550 "));
}

TEST_F(ReloadTest, HangUpReloadsAsWell) {
    site_.Write({{"virtual_mailbox_maps", SmallSite::Mailbox("jim")}});
    policyd_.Signal(SIGHUP);
    policyd_.WaitForOutput("reloaded: ");
    EXPECT_EQ(ActionFor("jim@example.com"), "DUNNO");
}

/// Nobody writes into the pipe that stands in for the configuration until the end.
class SlowReloadTest : public ReloadTest {
protected:
    SlowReloadTest() {
        fs::rename(site_.Config(), kept_);
        EXPECT_EQ(mkfifo(site_.Config().c_str(), 0600), 0);
        policyd_.Signal(SIGHUP);
        // Only a reader that waits lets a writer in.
        WaitUntil("the configuration is being read", [&] {
            end_ = open(site_.Config().c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
            return end_ >= 0;
        });
    }

    ~SlowReloadTest() override {
        if (end_ >= 0) close(end_);  // or the server would not stop
    }

    void LetItEnd() {
        const std::string text = ReadFile(kept_);
        EXPECT_EQ(write(end_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
        fs::rename(kept_, site_.Config());
        close(std::exchange(end_, -1));
    }

private:
    const fs::path kept_ = site_.Directory() / "kept.toml";
    int end_ = -1;
};

TEST_F(SlowReloadTest, AnswersEverybodyMeanwhile) {
    EXPECT_EQ(ActionFor("joe@example.com"), "DUNNO");
    EXPECT_EQ(site_.Metric("policyd_reloads_total{result=\"success\"}"), 0);
    EXPECT_EQ(PolicyCtl("flush").status, 0);
    LetItEnd();
    policyd_.WaitForOutput("reloaded: ");
    EXPECT_EQ(PolicyCtl("reload").status, 0);
    EXPECT_EQ(site_.Metric("policyd_reloads_total{result=\"success\"}"), 2);
}

TEST_F(SlowReloadTest, TwoReloadsAreOneAfterTheOther) {
    auto second = std::async(std::launch::async, [this] { return PolicyCtl("reload"); });
    policyd_.Signal(SIGHUP);
    LetItEnd();
    EXPECT_EQ(second.get().status, 0);
    EXPECT_EQ(ActionFor("joe@example.com"), "DUNNO");
}

TEST_F(SlowReloadTest, StopsWithoutWaitingForAFile) {
    auto second = std::async(std::launch::async, [this] { return PolicyCtl("reload"); });
    policyd_.Signal(SIGTERM);
    EXPECT_EQ(policyd_.Wait(), 0);
    policyd_.WaitForOutput("stopped");
    EXPECT_NE(second.get().status, 0);
}

TEST_F(ReloadTest, WithNothingNewLeavesAllAsItIs) {
    policyd_.Signal(SIGHUP);
    policyd_.WaitForOutput("reloaded: " + site_.Config().string() + ": nothing has changed");
    EXPECT_EQ(site_.Metric("policyd_reloads_total{result=\"success\"}"), 1);
    EXPECT_EQ(ActionFor("joe@example.com"), "DUNNO");
}

TEST_F(ReloadTest, SeesAFileThatHasChangedWhereTheConfigurationHasNot) {
    const fs::path users = site_.Directory() / "users";
    std::ofstream(users) << "ann@example.com ann/\n";
    site_.Write({{"virtual_mailbox_maps", SmallSite::Quoted("texthash:" + users.string())}});
    EXPECT_EQ(PolicyCtl("reload").status, 0);
    EXPECT_EQ(ActionFor("ann@example.com"), "DUNNO");
    std::ofstream(users) << "bob@example.com bob/\n";
    EXPECT_EQ(PolicyCtl("reload").status, 0);
    EXPECT_EQ(ActionFor("bob@example.com"), "DUNNO");
    EXPECT_THAT(ActionFor("ann@example.com"), StartsWith("550 "));
}

TEST_F(ReloadTest, ACheckThatIsTakenOutGivesBackOrKeepsWhatItsMessagesHold) {
    const std::string limits = "[\"inline:{joe@example.com=1000}\"]";
    const auto use = [&](const std::string& checks) {
        site_.Write({{"virtual_mailbox_limit_maps", limits}, {"checks", checks}});
        EXPECT_EQ(PolicyCtl("reload").status, 0);
    };
    const std::string all = "[\"recipient\", \"mailbox_quota\"]";
    const std::string one = "[\"recipient\"]";
    PolicyClient client(site_.Socket());
    const auto ask = [&](const std::string& state, const std::string& instance,
                         const std::string& size) {
        return client.Ask(RequestText({{"protocol_state", state},
                                       {"instance", instance},
                                       {"recipient", "joe@example.com"},
                                       {"recipient_count", state == "RCPT" ? "0" : "1"},
                                       {"size", size}}));
    };
    use(all);
    EXPECT_EQ(ask("RCPT", "aborted", "600"), "DUNNO");
    use(one);
    EXPECT_EQ(ask("RCPT", "next", "900"), "DUNNO");
    use(all);
    WaitUntil("the room of what was aborted",
              [&] { return ask("RCPT", "accepted", "600") == "DUNNO"; });
    use(one);
    EXPECT_EQ(ask("END-OF-MESSAGE", "accepted", "600"), "DUNNO");
    EXPECT_EQ(ask("RCPT", "next", "900"), "DUNNO");
    use(all);
    EXPECT_THAT(ask("RCPT", "last", "600"), StartsWith("452 ")) << "it was delivered";
}

TEST_F(ReloadTest, SaysWhatOnlyARestartChanges) {
    site_.Write({{"workers", "3"}});
    const Finished reload = PolicyCtl("reload");
    EXPECT_EQ(reload.status, 0);
    EXPECT_THAT(reload.output, HasSubstr("restart only: workers"));
}

TEST_F(ReloadTest, NewTimeLimitsHoldForOpenConnections) {
    PolicyClient idle(site_.Socket());
    EXPECT_EQ(idle.Ask(kJoe), "DUNNO");
    site_.Write({{"idle_time_limit", "\"1s\""}});
    EXPECT_EQ(PolicyCtl("reload").status, 0);
    idle.ExpectClosed();
}

}  // namespace
}  // namespace policyd::test
