// policyd-scan against Dovecot's own recalculation (Maildir back end), on generated mailboxes. A
// case is a mailbox; a long run, with a seed of choice:
//
//     POLICYD_SEED=7 POLICYD_CASES=10000 build/dev/bin/integration_scan_agreement
//
// Where the two differ on purpose stands in kDifferences and in the tests below it, each difference
// with its reason; the generator makes everything else.

#include <gtest/gtest.h>

#include <iostream>
#include <memory>

#include "common/async/event_loop.hpp"
#include "common/config/settings.hpp"
#include "common/usage/open_usage_store.hpp"
#include "tests/integration/scan_agreement_generator.hpp"
#include "tests/support/dovecot_instance.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/plain_recount.hpp"

namespace policyd {
namespace {

namespace fs = std::filesystem;
using test::DovecotInstance;
using test::FromEnvironment;
using test::MailboxItem;
using test::MailboxItems;
using Quota = DovecotInstance::Quota;

constexpr int kMailboxes = 50;

/// A mail store with its Dovecot, its policyd-scan and its usage store.
class Site {
public:
    Site() : dovecot_(Prepare(scratch_.Path()), Users()) {
        settings_.usage_store = "sqlite:" + (scratch_ / "usage.sqlite").string();
        config_ = scratch_.Write(
            "policyd.toml", "virtual_mailbox_base = \"" + Root().string() + "\"\nusage_store = \"" +
                                settings_.usage_store + "\"\nscan_state_file = \"\"\n");
    }

    static std::string UserOf(int mailbox) {
        return "user" + std::to_string(mailbox) + "@example.org";
    }
    static std::vector<std::string> Users() {
        std::vector<std::string> users;
        for (int i = 0; i < kMailboxes; ++i) users.push_back(UserOf(i));
        return users;
    }

    fs::path Root() const { return scratch_ / "mail"; }
    fs::path DirectoryOf(int mailbox) const {
        return Root() / "example.org" / ("user" + std::to_string(mailbox));
    }
    void Make(int mailbox, const MailboxItems& items) const {
        test::MakeMailbox(DirectoryOf(mailbox), items);
    }

    /// What policyd-scan --once brings into the usage store.
    std::map<std::string, Quota> Scan(const std::vector<std::string>& users) const {
        const test::Finished scan =
            test::Run({test::ProgramPath("policyd-scan"), "--once", "--config", config_});
        if (scan.status != 0 && scan.status != 3)
            throw std::runtime_error("policyd-scan: " + scan.output + scan.errors);
        async::EventLoop loop;
        const auto store = usage::OpenUsageStore(loop, settings_);
        std::map<std::string, Quota> figures;
        for (const std::string& user : users) {
            const auto usage = loop.RunUntilDone(store->Find(user));
            if (usage) figures[user] = {usage->bytes, usage->messages};
        }
        return figures;
    }

    const DovecotInstance& Dovecot() const { return dovecot_; }

private:
    static fs::path Prepare(const fs::path& scratch) {
        for (int i = 0; i < kMailboxes; ++i)
            fs::create_directories(scratch / "mail/example.org" / ("user" + std::to_string(i)));
        return scratch / "mail";
    }

    test::ScratchDirectory scratch_;
    DovecotInstance dovecot_;
    config::Settings settings_;
    std::string config_;
};

std::string Text(const std::optional<Quota>& quota) {
    return quota ? std::to_string(quota->bytes) + " bytes in " + std::to_string(quota->messages) +
                       " messages"
                 : "nothing";
}

struct Opinions {
    Quota ours;
    std::optional<Quota> dovecots;
    bool Agree() const { return dovecots && ours == *dovecots; }
};

Opinions Ask(const Site& site, const MailboxItems& items) {
    const std::string user = Site::UserOf(0);
    site.Make(0, items);
    Opinions opinions;
    opinions.ours = site.Scan({user}).at(user);
    opinions.dovecots = site.Dovecot().Recalculate(user);
    return opinions;
}

/// Leaves out one thing after the other as long as the two still disagree, but for the inbox's
/// `cur`: without it they disagree about everything.
MailboxItems Smallest(const Site& site, MailboxItems items) {
    for (std::size_t at = items.size(); at-- > 0;) {
        if (items[at].path == "cur") continue;
        MailboxItems fewer = items;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(at));
        if (!Ask(site, fewer).Agree()) items = std::move(fewer);
    }
    return items;
}

void ReportDisagreement(const Site& site, const MailboxItems& items, std::uint64_t seed) {
    const MailboxItems smallest = Smallest(site, items);
    const Opinions opinions = Ask(site, smallest);
    std::string text = "POLICYD_SEED=" + std::to_string(seed) + ": policyd-scan finds " +
                       Text(opinions.ours) + ", Dovecot " + Text(opinions.dovecots) + " in\n";
    for (const MailboxItem& item : smallest) text += "  " + item.Describe() + "\n";
    ADD_FAILURE() << text;
}

/// One site for all tests of a suite: Dovecot takes a while to start.
class ScanAgreementTest : public testing::Test {
protected:
    static void SetUpTestSuite() { site_ = std::make_unique<Site>(); }
    static void TearDownTestSuite() { site_.reset(); }
    static const Site& TheSite() { return *site_; }

private:
    static inline std::unique_ptr<Site> site_;
};

TEST_F(ScanAgreementTest, EqualsDovecotsRecalculationToTheByteOnEverySaneMailbox) {
    const std::uint64_t seed = FromEnvironment("POLICYD_SEED", 1);
    const std::uint64_t cases = FromEnvironment("POLICYD_CASES", 300);
    const Site& site = TheSite();
    test::MailboxGenerator generator(seed);
    std::uint64_t agreed = 0;
    std::uint64_t asked = 0;
    std::uint64_t messages = 0;
    while (asked < cases && !testing::Test::HasFailure()) {
        std::vector<MailboxItems> mailboxes;
        for (int i = 0; i < kMailboxes; ++i) {
            mailboxes.push_back(generator.Next());
            site.Make(i, mailboxes.back());
        }
        const auto ours = site.Scan(Site::Users());
        const auto plain = test::RecountStore(site.Root());
        const auto dovecots = site.Dovecot().Recalculate();
        for (int i = 0; i < kMailboxes; ++i, ++asked) {
            const std::string user = Site::UserOf(i);
            EXPECT_EQ(ours.at(user).bytes, plain.at(user).bytes) << user;
            EXPECT_EQ(ours.at(user).messages, plain.at(user).messages) << user;
            messages += ours.at(user).messages;
            if (Opinions{ours.at(user), dovecots.at(user)}.Agree()) {
                ++agreed;
            } else {
                ReportDisagreement(site, mailboxes[static_cast<std::size_t>(i)], seed);
                break;
            }
        }
    }
    std::cout << agreed << " of " << asked << " mailboxes with " << messages
              << " messages agreed with Dovecot " << DovecotInstance::Version() << "\n";
}

/// Where the two differ on purpose, and why.
struct Difference {
    const char* name;
    MailboxItems items;  ///< beside one message of 1000 bytes
    Quota ours;
    std::optional<Quota> dovecots;
    const char* reason;
};

using Kind = MailboxItem::Kind;

const char* const kUnlisted =
    "Dovecot neither lists the folder nor counts it, but its mail takes room all the same";

MailboxItems InFolder(const std::string& folder) {
    return {{Kind::kFile, folder + "/cur/1.host,S=10", 10, ""},
            {Kind::kDirectory, folder + "/new", 0, ""},
            {Kind::kDirectory, folder + "/tmp", 0, ""}};
}

const Difference kDifferences[] = {
    {"AFifo",
     {{Kind::kFifo, "cur/1.fifo,S=7", 0, ""}},
     {1000, 1},
     Quota{1007, 2},
     "only regular files are messages"},
    {"ADotFile",
     {{Kind::kFile, "cur/.nfs0001", 50, ""}},
     {1000, 1},
     Quota{1050, 2},
     "what an NFS client left of a removed message is none"},
    {"ASymbolicLinkToAMessage",
     {{Kind::kFile, "elsewhere", 50, ""}, {Kind::kSymbolicLink, "cur/1.link", 0, "../elsewhere"}},
     {1000, 1},
     Quota{1050, 2},
     "links are not followed: they lead anywhere"},
    {"ASymbolicLinkThatNamesASize",
     {{Kind::kSymbolicLink, "cur/1.link,S=9", 0, "nowhere"}},
     {1000, 1},
     Quota{1009, 2},
     "links are not followed"},
    {"ALinkedFolder",
     {{Kind::kFile, ".Real/cur/1.host,S=10", 10, ""},
      {Kind::kDirectory, ".Real/new", 0, ""},
      {Kind::kDirectory, ".Real/tmp", 0, ""},
      {Kind::kSymbolicLink, ".Alias", 0, ".Real"}},
     {1010, 2},
     Quota{1020, 3},
     "a folder counts once, whatever links lead to it"},
    {"AFolderWhoseNameBeginsWithTwoDots",
     {{Kind::kFile, "..hidden/cur/1.host", 404, ""}},
     {1404, 2},
     Quota{2404, 3},
     "the folder counts, but the inbox not once more for it"},
    {"AFolderNamedInUtf8", InFolder(".Entw\xc3\xbcrfe"), {1010, 2}, Quota{1000, 1}, kUnlisted},
    {"AFolderNamedInBrokenUtf7", InFolder(".&AOQ"), {1010, 2}, Quota{1000, 1}, kUnlisted},
    {"AFolderNamedInUtf7ThatNeedsNone", InFolder(".&AGE-"), {1010, 2}, Quota{1000, 1}, kUnlisted},
    {"AFolderNamedWithALineEnd", InFolder(".a\nb"), {1010, 2}, Quota{1000, 1}, kUnlisted},
    // Dovecot gives this one another name meanwhile, and counts it the next time.
    {"AFolderNamedInLatin1", InFolder(".latin\xe4"), {1010, 2}, Quota{1000, 1}, kUnlisted},
    {"AFolderNamedInbox", InFolder(".Inbox"), {1010, 2}, Quota{1000, 1}, kUnlisted},
    {"AFolderBelowTheInboxInLowerCase", InFolder(".inbox.x"), {1010, 2}, Quota{1000, 1}, kUnlisted},
    {"AnEmptySize",
     {{Kind::kFile, "cur/1.host,S=:2,S", 70, ""}},
     {1070, 2},
     Quota{1000, 2},
     "no digits are no size: the file is asked"},
    {"AnEmptySizeAtTheEnd",
     {{Kind::kFile, "cur/1.host,S=", 70, ""}},
     {1070, 2},
     Quota{1000, 2},
     "no digits are no size: the file is asked"},
    {"AnEmptySizeBeforeAnotherField",
     {{Kind::kFile, "cur/1.host,S=,W=80:2,S", 70, ""}},
     {1070, 2},
     Quota{1000, 2},
     "no digits are no size: the file is asked"},
    {"ASizeBehindTheColon",
     {{Kind::kFile, "cur/1.host:2,S,S=5", 70, ""}},
     {1070, 2},
     Quota{1005, 2},
     "the size is a part of the name, not of the flags, which clients set"},
    {"AnAbsurdSize",
     {{Kind::kFile, "cur/1.host,S=99999999999999999999999:2,S", 70, ""}},
     {1070, 2},
     Quota{200376420520689663 + 1000, 2},
     "more than eighteen digits are no size, and do not wrap around"},
    {"ALoopOfLinks",
     {{Kind::kSymbolicLink, "cur/1.loop", 0, "1.loop"}},
     {1000, 1},
     std::nullopt,
     "one bad entry does not keep the rest from being counted"},
};

class ScanDifferenceTest : public ScanAgreementTest,
                           public testing::WithParamInterface<Difference> {};

TEST_P(ScanDifferenceTest, IsAsListed) {
    const Site& site = TheSite();
    MailboxItems items = GetParam().items;
    for (const char* part : {"tmp", "new", "cur"}) items.push_back({Kind::kDirectory, part, 0, ""});
    items.push_back({Kind::kFile, "cur/1000.host,S=1000:2,S", 1000, ""});

    const Opinions opinions = Ask(site, items);

    EXPECT_EQ(opinions.ours, GetParam().ours) << GetParam().reason << ": " << Text(opinions.ours);
    EXPECT_EQ(opinions.dovecots, GetParam().dovecots)
        << GetParam().reason << ": " << Text(opinions.dovecots);
}

INSTANTIATE_TEST_SUITE_P(Listed, ScanDifferenceTest, testing::ValuesIn(kDifferences),
                         [](const auto& test) { return std::string(test.param.name); });

/// Dovecot adds the size of the directory itself, which depends on the file system.
TEST_F(ScanAgreementTest, DovecotCountsADirectoryAmongTheMessagesAndWeDoNot) {
    const Site& site = TheSite();
    const Opinions opinions = Ask(site, {{Kind::kDirectory, "cur/1.directory", 0, ""},
                                         {Kind::kDirectory, "new", 0, ""},
                                         {Kind::kDirectory, "tmp", 0, ""}});
    EXPECT_EQ(opinions.ours, (Quota{0, 0})) << "only regular files are messages";
    ASSERT_TRUE(opinions.dovecots);
    EXPECT_EQ(opinions.dovecots->messages, 1u);
}

/// Dovecot takes a directory without `cur` for no Maildir at all.
TEST_F(ScanAgreementTest, DovecotCountsNothingInAnInboxWithoutCurAndWeCountItsNewMail) {
    const Opinions opinions = Ask(TheSite(), {{Kind::kFile, "new/1.host,S=10", 10, ""}});
    EXPECT_EQ(opinions.ours, (Quota{10, 1})) << "the mail is there";
    EXPECT_EQ(opinions.dovecots, (Quota{0, 0}));
}

/// Dovecot gives up on the whole user; we count the rest and say that it is incomplete.
TEST_F(ScanAgreementTest, DovecotFailsForAUserWithAnUnreadableFolderAndWeCountTheRest) {
    const Site& site = TheSite();
    site.Make(0, {{Kind::kFile, "cur/1.host,S=10", 10, ""},
                  {Kind::kDirectory, "new", 0, ""},
                  {Kind::kDirectory, "tmp", 0, ""},
                  {Kind::kDirectory, ".Closed/new", 0, ""},
                  {Kind::kFile, ".Closed/cur/1.host,S=5", 5, ""}});
    site.Dovecot().TakeOver();
    fs::permissions(site.DirectoryOf(0) / ".Closed/cur", fs::perms::none);

    EXPECT_EQ(site.Dovecot().Recalculate(Site::UserOf(0)), std::nullopt);
    // The scanner of this test may be root, who reads everything.
    EXPECT_EQ(site.Scan({Site::UserOf(0)}).at(Site::UserOf(0)),
              geteuid() == 0 ? (Quota{15, 2}) : (Quota{10, 1}));
    fs::permissions(site.DirectoryOf(0) / ".Closed/cur", fs::perms::owner_all);
}

}  // namespace
}  // namespace policyd
