// A site made by hand, with what administrators write on good and on bad days, judged twice: by
// smtpd with real deliveries, and by the reports of `sendmail -bv`. Neither side is told mydomain.
//
// Not compared: reports about mail that Postfix holds (a loop, an empty target, retry:), since
// there are none.

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/mail/address.hpp"
#include "tests/integration/recipient_agreement_judge.hpp"
#include "tests/integration/recipient_agreement_site.hpp"
#include "tests/support/mariadb_server.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::agreement {
namespace {

Site HandMadeSite() {
    Site site;
    site.domains = {"example.net",    "shop.example",   "sub.shop.example",
                    "old.example",    "catch.example",  "moved.example",
                    "loop-a.example", "loop-b.example", "reports.example"};
    site.users = {"anna@example.net",     "ben@example.net",         "Carl@example.net",
                  "carla@example.net",    "jo.do@example.net",       "mary-ann@example.net",
                  "plus+tag@example.net", "postmaster@example.net",  "list-request@example.net",
                  "o'hara@example.net",   "ren\xc3\xa9@example.net", "anna@shop.example",
                  "kim@sub.shop.example", "@catch.example",          "real@catch.example",
                  "anna@moved.example",   "dora@moved.example",      "@reports.example"};
    site.forwardings = {
        {"info@example.net", "anna@example.net, ben@example.net"},
        {"Sales@Example.net", "anna@example.net"},
        {"team@example.net", "info@example.net ANNA@EXAMPLE.NET\n,kim@sub.shop.example"},
        {"ben@example.net", "Ben@Example.Net, far@remote.example"},
        {"carla@example.net", "carla@example.net"},
        {"jo.do@example.net", "anna@example.net"},
        {"@old.example", "@example.net"},
        {"anna@old.example", "ben@example.net"},
        {"@catch.example", "anna@example.net"},
        {"real2@catch.example", "real@catch.example"},
        {"chain1@example.net", "chain2@shop.example"},
        {"chain2@shop.example", "chain3@old.example"},
        {"chain3@example.net", "anna@shop.example, dora@moved.example"},
        {"ping@example.net", "pong@example.net"},
        {"pong@example.net", "ping@example.net"},
        {"@loop-a.example", "@loop-b.example"},
        {"@loop-b.example", "@loop-a.example"},
        {"copy-a@example.net", "copy-a@example.net, copy-b@example.net"},
        {"copy-b@example.net", "copy-b@example.net, copy-a@example.net, anna@example.net"},
        {"ghosts@example.net", "gone@example.net, gone@unhosted.example"},
        {"some@example.net", "gone@example.net, anna@example.net, x@unhosted.example"},
        {"bare@example.net", "anna"},
        {"host@example.net", "anna@shop"},
        {"percent@example.net", "anna%shop.example@mail.example.net"},
        {"bang@example.net", "shop.example!anna"},
        {"route@example.net", "@relay.example:anna@example.net"},
        {"tagged@example.net", "anna+inbox@example.net"},
        {"dashed@example.net", "anna-inbox@example.net"},
        {"dup@example.net", "anna@example.net,anna@example.net,Anna@Example.net"},
        {"remote@example.net", "someone@remote.example"},
        {"empty@example.net", " "},
        {"quoted@example.net", "\"jo do\"@example.net"},
        {"comment@example.net", "anna@example.net (the boss)"},
        {"angle@example.net", "<anna@example.net>"},
        {"literal@example.net", "anna@[127.0.0.1]"},
        {"dot@example.net", "anna@example.net."},
        {"info+urgent@example.net", "anna@shop.example"},
        {"@shop.example", "@sub.shop.example"},
        {"abuse", "anna@example.net"},
        {"root@mail.example.net", "anna@example.net"},
        {"@unhosted.example", "anna@example.net"},
    };
    site.parameters = {{"myhostname", "mail.example.net"},
                       {"mydomain", kPostfixsOwn},
                       {"myorigin", "$mydomain"},
                       {"mydestination", "$myhostname, localhost.$mydomain, localhost"}};
    return site;
}

const std::vector<Rows> kRoutes{
    {{"remote.example", "smtp:[192.0.2.9]:2525"}},
    {{"*", "smtp:[192.0.2.9]"},
     {"example.net", ":"},
     {"reports.example", "virtual:"},
     {"catch.example", "virtual"},
     {"ben@example.net", "smtp:[192.0.2.8]"},
     {"anna+inbox@example.net", "relay:[192.0.2.7]"},
     {".shop.example", ":"},
     {"dora@moved.example", ":"}},
    {{"carla@example.net", "error:5.1.6 moved away"},
     {"anna@shop.example", "retry:4.2.0 later"},
     {"moved.example", "smtp:[192.0.2.10]"},
     {".shop.example", "error:no shop below the shop"},
     {"gone@example.net", "error:gone"},
     {"nobody@example.net", "retry:"},
     {"remote.example", "error:"},
     {"@old.example", "error:never looked for"},
     {"old.example", ""}},
};

std::vector<Recipient> Recipients(const Site& site) {
    std::vector<Recipient> recipients;
    for (const auto& [key, value] : site.forwardings)
        if (!key.starts_with('@')) recipients.push_back(MakeRecipient(key));
    for (const auto& user : site.users)
        if (!user.starts_with('@')) recipients.push_back(MakeRecipient(user));
    for (const char* address : {"ANNA@example.net",
                                "anna@EXAMPLE.NET.",
                                "sales@example.net",
                                "carl@example.net",
                                "CARL@EXAMPLE.NET",
                                "nobody@example.net",
                                "gone@example.net",
                                "anna+x@example.net",
                                "anna-x@example.net",
                                "anna+inbox@example.net",
                                "ben+x@example.net",
                                "info+x@example.net",
                                "info+urgent+x@example.net",
                                "info-urgent@example.net",
                                "plus@example.net",
                                "plus+tag+x@example.net",
                                "mary@example.net",
                                "mary-ann-x@example.net",
                                "postmaster+x@example.net",
                                "list@example.net",
                                "+x@example.net",
                                "anna@old.example",
                                "carla@old.example",
                                "nobody@old.example",
                                "anna+x@old.example",
                                "any@catch.example",
                                "real+x@catch.example",
                                "kim@shop.example",
                                "kim+x@shop.example",
                                "nobody@shop.example",
                                "x@loop-a.example",
                                "x@unhosted.example",
                                "anna@remote.example",
                                "anna@deep.sub.shop.example",
                                "anna@mail.example.net",
                                "nobody@mail.example.net",
                                "anna@localhost",
                                "anna@localhost.example.net",
                                "anna",
                                "nobody",
                                "abuse",
                                "abuse@localhost",
                                "anna@example",
                                "anna%shop.example",
                                "anna%shop.example@mail.example.net",
                                "shop.example!anna",
                                "anna%old.example@localhost",
                                "anna@[127.0.0.1]",
                                "anna@[192.0.2.1]",
                                "an na@example.net",
                                "anna@net",
                                "rene@example.net",
                                "REN\xc3\x89@example.net",
                                "o'hara+x@example.net"})
        recipients.push_back(MakeRecipient(address));
    return recipients;
}

/// What `sendmail -bv` reports: the addresses whose mail virtual(8) would store, for each of the
/// recipients that were asked about.
class Verification {
public:
    explicit Verification(test::PostfixInstance& postfix) : postfix_(postfix) {}

    void AskFor(std::size_t number, const Recipient& recipient) {
        ++asked_;
        postfix_.Command({"sendmail", "-f", "r" + std::to_string(number) + "@reports.example",
                          "-bv", recipient.typed});
    }

    std::map<std::size_t, std::set<std::string>> Reports() const {
        test::WaitUntil(
            "the reports", [this] { return Files().size() >= asked_; },
            postfix_.Directory() / "log/mail.log", std::chrono::seconds(60));
        std::map<std::size_t, std::set<std::string>> stored;
        for (const auto& file : Files()) Read(test::ReadFile(file), stored);
        return stored;
    }

private:
    std::vector<std::filesystem::path> Files() const {
        std::vector<std::filesystem::path> files;
        const auto directory = postfix_.MailStore() / "reports.example/new";
        if (!std::filesystem::exists(directory)) return files;
        for (const auto& entry : std::filesystem::directory_iterator(directory))
            files.push_back(entry.path());
        return files;
    }

    static std::string After(const std::string& mark, const std::string& text, std::size_t from) {
        const std::size_t at = text.find(mark, from);
        if (at == text.npos) throw std::runtime_error("no \"" + mark + "\" in " + text);
        const std::size_t begin = at + mark.size();
        return text.substr(begin, text.find('\n', begin) - begin);
    }

    static void Read(const std::string& report,
                     std::map<std::size_t, std::set<std::string>>& stored) {
        const std::string sender = After("X-Postfix-Sender: rfc822; r", report, 0);
        std::set<std::string>& addresses = stored[std::stoul(sender)];
        const std::string mark = "\nFinal-Recipient: ";
        for (std::size_t at = report.find(mark); at != report.npos;) {
            const std::size_t next = report.find(mark, at + 1);
            const std::string status = report.substr(at, next - at);
            if (status.find("delivers to maildir") != status.npos)
                addresses.insert(After("; ", status, 0));
            at = next;
        }
    }

    test::PostfixInstance& postfix_;
    std::size_t asked_ = 0;
};

/// The Maildir that virtual(8) finds for an address that it stores mail of, by postmap.
std::string DirectoryFor(const std::string& address, const test::PostfixInstance& postfix,
                         const TableStore& store, const std::string& delimiters) {
    const std::size_t at = address.rfind('@');
    std::vector<std::string> keys{address};
    const std::size_t delimiter = address.find_first_of(delimiters, 1);
    if (delimiter < at) keys.push_back(address.substr(0, delimiter) + address.substr(at));
    keys.push_back(address.substr(at));
    for (const std::string& key : keys) {
        const auto found = postfix.Command({"postmap", "-q", key, store.Table("mailboxes")});
        if (found.status == 0)
            return *mail::DirectoryWithinBase(found.output.substr(0, found.output.find('\n')));
    }
    return "none for " + address;
}

/// Compares over one site; returns what Postfix answered.
std::vector<Answer> Compare(const Site& site, TableStore& store, Judge& judge) {
    store.Fill(site);
    judge.Hear(site, store);
    const std::vector<Recipient> recipients = Recipients(site);
    const std::vector<Answer> answers = judge.Answers(recipients);
    Verification verification(judge.Postfix());
    for (std::size_t i = 0; i < recipients.size(); ++i)
        if (answers[i].kind == Answer::Kind::kKnown && !answers[i].is_held)
            verification.AskFor(i, recipients[i]);
    const auto reports = verification.Reports();

    Ours ours(site, store);
    for (std::size_t i = 0; i < recipients.size(); ++i) {
        const Answer answer = ours.AnswerFor(recipients[i]);
        EXPECT_EQ(answer, answers[i]) << recipients[i].typed << " in\n" << site.Described();
        const auto report = reports.find(i);
        if (report == reports.end()) continue;
        std::set<std::string> directories;
        for (const std::string& address : report->second)
            directories.insert(DirectoryFor(address, judge.Postfix(), store,
                                            site.parameters.at("recipient_delimiter")));
        EXPECT_EQ(answer.directories, directories)
            << recipients[i].typed << ", as sendmail -bv has it, in\n"
            << site.Described();
    }
    return answers;
}

/// Every fourth combination of delimiters and routes, which takes all routes; with POLICYD_WHOLE
/// set every second, and the other store has the rest.
void CompareSome(TableStore& store, std::size_t first) {
    Judge judge;
    const std::size_t step = std::getenv("POLICYD_WHOLE") != nullptr ? 2 : 4;
    std::size_t number = first;
    std::map<std::string, std::size_t> outcomes;
    for (const char* delimiters : {"", "+", "-", "+-"}) {
        for (const Rows& routes : kRoutes) {
            if (number++ % step != 0 || testing::Test::HasFailure()) continue;
            Site site = HandMadeSite();
            site.transport = routes;
            site.parameters["recipient_delimiter"] = delimiters;
            for (const Answer& answer : Compare(site, store, judge))
                ++outcomes[answer.is_held ? "held" : Described({answer.kind, {}, false, {}})];
        }
    }
    std::printf("a site made by hand:\n");
    for (const auto& [outcome, count] : outcomes)
        std::printf("  %6zu %s\n", count, outcome.c_str());
    EXPECT_EQ(outcomes.size(), 5u) << "not ours, unknown, known, temporary, held";
}

TEST(HandMadeSiteTest, IsServedAsPostfixServesItFromSqlite) {
    test::ScratchDirectory scratch;
    SqliteStore store(scratch.Path());
    CompareSome(store, 0);
}

TEST(HandMadeSiteTest, IsServedAsPostfixServesItFromMariaDb) {
    test::MariaDbServer server;
    MariaDbStore store(server);
    CompareSome(store, 1);
}

}  // namespace
}  // namespace policyd::agreement
