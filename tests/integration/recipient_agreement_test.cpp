// Who exists and where mail ends, compared with what a real Postfix does with the same tables.
//
//     POLICYD_SEED=7 POLICYD_CASES=10000 build/dev/bin/integration_recipient_agreement
//
// makes other and more cases. A disagreement is made smaller by leaving out rows, then shown.
//
// What Postfix cannot be asked, or what is compared by a rule of its own:
// - Recipients that smtpd refuses for their syntax (500, 501), bare postmaster and <>: the policy
//   service is never asked. Where smtpd refuses, "not ours" is the right answer of ours, since
//   Postfix itself decides.
// - Mail that is accepted at RCPT and then refused after the data, or bounced, or kept in the
//   queue: it is in no mailbox, and that is compared.
// - While a table is broken we know the final mailboxes at RCPT or say "temporary"; Postfix finds
//   out after the data. So "temporary" is right there where Postfix accepts and then holds the
//   mail.
// - `virtual_mailbox_limit_maps` is nothing to Postfix: the quota is not compared.

#include "tests/integration/recipient_agreement_comparison.hpp"
#include "tests/integration/recipient_agreement_generator.hpp"
#include "tests/support/environment.hpp"

namespace policyd::agreement {
namespace {

using test::FromEnvironment;

/// Generates sites until `cases` recipients were compared.
void CompareGenerated(const char* what, TableStore& store, std::uint64_t cases,
                      void (Generator::*change)(Site&) = nullptr) {
    const std::uint64_t seed = FromEnvironment("POLICYD_SEED", 1);
    Generator generator(seed);
    Comparison comparison(store);
    while (comparison.Cases() < cases && !comparison.HasManyDisagreements()) {
        Site site = generator.MakeSite();
        if (change != nullptr) (generator.*change)(site);
        const auto recipients = generator.MakeRecipients(site, 40);
        if (CanHoldAll(store, site)) comparison.Compare(site, recipients);
    }
    comparison.Report(std::string(what) + ", seed " + std::to_string(seed));
}

TEST(RecipientAgreementTest, GeneratedSitesInSqlite) {
    test::ScratchDirectory scratch;
    SqliteStore store(scratch.Path());
    CompareGenerated("generated, sqlite", store, FromEnvironment("POLICYD_CASES", 600));
}

TEST(RecipientAgreementTest, GeneratedSitesInTextFiles) {
    TextStore store("texthash");
    CompareGenerated("generated, texthash", store, FromEnvironment("POLICYD_CASES", 600) / 4,
                     &Generator::SpoilNowAndThen);
}

TEST(RecipientAgreementTest, GeneratedSitesInCompiledFiles) {
    TextStore store("hash");
    CompareGenerated("generated, hash", store, FromEnvironment("POLICYD_CASES", 600) / 4,
                     &Generator::MixCasesOfKeysAndSpoilNowAndThen);
}

TEST(RecipientAgreementTest, GeneratedSitesWithTablesOfPatterns) {
    test::ScratchDirectory scratch;
    SqliteStore store(scratch.Path());
    CompareGenerated("generated, patterns", store, FromEnvironment("POLICYD_CASES", 600) / 2,
                     &Generator::AddPatterns);
}

TEST(RecipientAgreementTest, GeneratedSitesInMariaDb) {
    test::MariaDbServer server;
    MariaDbStore store(server);
    CompareGenerated("generated, mysql", store, FromEnvironment("POLICYD_CASES", 600) / 5);
}

// The how-to's own examples, and what sites make of them.

const std::vector<Rows> kForwardings{
    {},
    {{"info@example.com", "sales@example.com"}},
    {{"@example.com", "thomas@example.com"}},
    {{"@example.com", "@another.example"}},
    {{"info@example.com", "sales@example.com,\nbilling@another.example"}},
    {{"info@example.com", "Sales@Example.COM"}, {"sales@example.com", "JOE@example.com"}},
    {{"info@example.com", "a@example.com"},
     {"a@example.com", "b@another.example"},
     {"b@another.example", "sales@example.com, c@unhosted.example"},
     {"c@unhosted.example", "thomas@another.example"}},
    {{"info@example.com", "nobody@example.com"}, {"joe@example.com", "nobody@example.com"}},
    {{"info@example.com", "far@remote.example"}, {"joe@example.com", "joe@remote.example"}},
    {{"info@example.com", "sales@example.com, far@remote.example, nobody@example.com"}},
    {{"joe@example.com", "joe@example.com, sales@example.com"}},
    {{"joe@example.com", "sales@example.com, JOE@example.com"},
     {"sales@example.com", "joe@example.com, sales@example.com"}},
    {{"info@example.com", "a@example.com"}, {"a@example.com", "info@example.com"}},
    {{"info@example.com", "a@example.com, joe@example.com"}, {"a@example.com", "info@example.com"}},
    {{"@example.com", "@another.example"}, {"@another.example", "@example.com"}},
    {{"@example.com", "@example.com"}},
    {{"info@example.com", "info@example.com"}},
    {{"@example.com", "joe"}, {"info@example.com", "joe sales thomas"}},
    {{"info@example.com", "sales@example.com,sales@example.com,SALES@example.com"}},
    {{"info@example.com", " "}, {"@another.example", ","}},
};

const std::vector<Rows> kTransports{
    {},
    {{"example.com", ":"}},
    {{"example.com", "smtp:mail.another.example"}},
    {{"example.com", "smtp:mail.another.example:2025"}},
    {{"example.com", "smtp:[1.2.3.4]"}},
    {{".example.com", "smtp:mail.another.example"}},
    {{"*", "smtp:mail.another.example"}},
    {{"joe@example.com", "smtp:mail.another.example"}},
    {{"*", "smtp:mail.another.example"}, {"example.com", ":"}},
    {{"*", "smtp:x.example"}, {"joe@example.com", ":"}, {"sales@example.com", "virtual:"}},
    {{"example.com", "error:no mail today"}, {"joe@example.com", "retry:4.7.1 later"}},
    {{"example.com", "retry:"}},
    {{"another.example", "error:4.7.1 gone"}},
    {{"*", "error:nothing leaves"}},
    {{"remote.example", "virtual:"}, {"@example.com", "smtp:x.example"}},
};

std::vector<Recipient> HowToRecipients() {
    std::vector<Recipient> recipients;
    for (const char* address : {"info@example.com",
                                "INFO@Example.COM",
                                "sales@example.com",
                                "thomas@example.com",
                                "joe@example.com",
                                "joe@example.com.",
                                "nobody@example.com",
                                "thomas@another.example",
                                "nobody@another.example",
                                "b@another.example",
                                "c@unhosted.example",
                                "far@remote.example",
                                "joe@sub.example.com",
                                "joe+x@example.com",
                                "info+x@example.com",
                                "joe%example.com",
                                "example.com!joe",
                                "joe%example.com@mx.lab.test",
                                "info%example.com@mx.lab.test",
                                "joe@[127.0.0.1]",
                                "joe@[1.2.3.4]",
                                "joe",
                                "jo e@example.com",
                                "root@mx.lab.test"})
        recipients.push_back(MakeRecipient(address));
    recipients.push_back({"@relay.example,@a.example:joe@example.com", "joe@example.com"});
    recipients.push_back({"\"joe\"@example.com", "joe@example.com"});
    return recipients;
}

TEST(RecipientAgreementTest, TheRowsOfTheHowTo) {
    test::ScratchDirectory scratch;
    SqliteStore store(scratch.Path());
    Comparison comparison(store);
    const bool every_combination = FromEnvironment("POLICYD_CASES", 0) >= 10'000;
    std::size_t number = 0;
    for (const Rows& forwardings : kForwardings) {
        for (const Rows& transport : kTransports) {
            if (!every_combination && number++ % 11 != 0) continue;
            Site site;
            site.domains = {"example.com"};
            if (number % 2 == 0) site.domains.insert("another.example");
            site.users = {"sales@example.com", "thomas@example.com", "joe@example.com",
                          "billing@another.example", "thomas@another.example"};
            site.forwardings = forwardings;
            site.transport = transport;
            site.parameters["myorigin"] = "example.com";
            if (number % 3 == 0) site.parameters["recipient_delimiter"] = "+";
            comparison.Compare(site, HowToRecipients());
        }
    }
    comparison.Report("the how-to's rows");
}

// Every setting that changes an answer, over rows that show the change.

TEST(RecipientAgreementTest, EachSettingChangesAnAnswerAsInPostfix) {
    Site site;
    site.domains = {"example.com", "sub.example.com", "another.example"};
    site.users = {"joe@example.com",     "ann@example.com",   "joe-x@example.com", "a@example.com",
                  "joe@sub.example.com", "old+x@example.com", "box@mx.lab.test"};
    site.forwardings = {{"info@example.com", "joe@example.com, ann@example.com"},
                        {"long@example.com", std::string(30, 'l') + "@another.example"},
                        {"@another.example", "joe@example.com"},
                        {"chain@example.com", "info@example.com"},
                        {"list@example.com", "a@example.com, old@example.com"},
                        {"root", "ann@example.com"}};
    site.transport = {{"com", "smtp:mail.another.example"}};
    site.canonical = {{"new@example.com", "list@example.com"},
                      {"joe@example.com", "a@example.com"}};
    site.relocated = {{"joe@sub.example.com", "joe@away.example"}};
    site.parameters = {{"recipient_delimiter", "+"},
                       {"myorigin", "example.com"},
                       {"mydomain", "com"},
                       {"relay_domains", "relay.example"}};

    std::vector<Recipient> recipients;
    for (const char* address : {"joe",
                                "joe@example",
                                "joe@example.com",
                                "joe+x@example.com",
                                "joe-x@example.com",
                                "joe%example.com",
                                "example.com!joe",
                                "joe@sub.example.com",
                                "x@another.example",
                                "info@example.com",
                                "chain@example.com",
                                "long@example.com",
                                "list+x@example.com",
                                "new+x@example.com",
                                "root@foreign.example",
                                "root@mx.lab.test",
                                "x@relay.example",
                                "x@sub.relay.example",
                                "nobody@example.com",
                                "ann-y@example.com",
                                "box@mx.lab.test",
                                "nobody@mx.lab.test"})
        recipients.push_back(MakeRecipient(address));

    const std::vector<std::pair<const char*, const char*>> settings{
        {"recipient_delimiter", ""},
        {"recipient_delimiter", "-"},
        {"recipient_delimiter", "-+"},
        {"myorigin", "mx.lab.test"},
        {"mydestination", "mx.lab.test, foreign.example"},
        {"mydestination", ""},
        {"swap_bangpath", "no"},
        {"allow_percent_hack", "no"},
        {"append_dot_mydomain", "no"},
        {"append_at_myorigin", "no"},
        {"parent_domain_matches_subdomains", "transport_maps, relay_domains"},
        {"parent_domain_matches_subdomains", ""},
        {"virtual_alias_expansion_limit", "1"},
        {"virtual_alias_recursion_limit", "1"},
        {"virtual_alias_address_length_limit", "20"},
        {"propagate_unmatched_extensions", ""},
        {"propagate_unmatched_extensions", "canonical"},
        {"virtual_alias_domains", "another.example, example.com"},
        {"relay_domains", ""},
        {"relay_recipient_maps", "@mailboxes"},
        {"local_recipient_maps", "@mailboxes"},
        {"canonical_maps", "@canonical"},
        {"recipient_canonical_maps", "@canonical"},
        {"relocated_maps", "@relocated"},
        {"local_transport", "virtual"},
        {"virtual_transport", "error:closed"},
    };

    test::ScratchDirectory scratch;
    SqliteStore store(scratch.Path());
    Comparison comparison(store);
    const std::vector<Answer> usual = comparison.Compare(site, recipients);
    for (const auto& [name, value] : settings) {
        Site changed = site;
        changed.parameters[name] = value;
        const std::vector<Answer> answers = comparison.Compare(changed, recipients);
        EXPECT_FALSE(answers == usual) << name << " = " << value << " shows nothing here";
    }
    comparison.Report("each setting");
}

TEST(RecipientAgreementTest, TheNamesThatHaveNoExtensionAreThoseOfTheSettings) {
    Site site;
    site.domains = {"example.com"};
    for (const char* user : {"owner", "list", "double"})
        site.users.insert(std::string(user) + "@example.com");
    site.forwardings = {{"far@example.com", "far@remote.example"}};
    site.parameters = {{"recipient_delimiter", "-"}};
    std::vector<Recipient> recipients;
    recipients.push_back(MakeRecipient("x@remote.example"));
    for (const char* user : {"owner-list", "list-request", "list-x", "far-x"})
        recipients.push_back(MakeRecipient(std::string(user) + "@example.com"));
    test::ScratchDirectory scratch;
    SqliteStore store(scratch.Path());
    Comparison comparison(store);
    const std::vector<Answer> usual = comparison.Compare(site, recipients);
    site.parameters["owner_request_special"] = "no";
    EXPECT_FALSE(comparison.Compare(site, recipients) == usual);
    site.parameters["double_bounce_sender"] = "bb";
    // As usual the policy service is not asked about this one.
    recipients.push_back(MakeRecipient("double-bounce@example.com"));
    comparison.Compare(site, recipients);
    comparison.Report("the names without extension");
}

// Each table failing in turn.

Site SiteToBreak() {
    Site site;
    site.domains = {"example.com", "another.example"};
    site.users = {"sales@example.com", "joe@example.com", "thomas@another.example"};
    site.forwardings = {{"info@example.com", "sales@example.com"},
                        {"@another.example", "joe@example.com"},
                        {"far@example.com", "far@remote.example"}};
    site.transport = {{"remote.example", "smtp:x.example"}};
    return site;
}

// Postfix's own sqlite client ends its process when a query cannot be prepared, and the client's
// connection with it: no judge for these. Nobody may be refused who is not refused otherwise.
TEST(RecipientAgreementTest, ABrokenSqliteTableRefusesNobodyForGood) {
    test::ScratchDirectory scratch;
    SqliteStore store(scratch.Path());
    const Site site = SiteToBreak();
    const auto recipients = HowToRecipients();
    for (const char* table : {"domains", "users", "forwardings", "transport"}) {
        store.Fill(site);
        Ours sound(site, store);
        std::vector<Answer> answers;
        for (const Recipient& recipient : recipients) answers.push_back(sound.AnswerFor(recipient));

        store.Execute(std::string("DROP TABLE ") + table);
        Ours broken(site, store);
        std::size_t temporary = 0;
        for (std::size_t i = 0; i < recipients.size(); ++i) {
            const Answer answer = broken.AnswerFor(recipients[i]);
            if (answer.kind == Answer::Kind::kTemporary) {
                ++temporary;
            } else {
                EXPECT_EQ(answer, answers[i]) << table << ", " << recipients[i].typed;
            }
        }
        EXPECT_GT(temporary, recipients.size() / 2) << table;
    }
}

TEST(RecipientAgreementTest, WhileMariaDbLosesATableOrStops) {
    test::MariaDbServer server;
    MariaDbStore store(server);
    Comparison comparison(store);
    for (const char* table : {"domains", "users", "forwardings", "transport"}) {
        const std::string damage = std::string("DROP TABLE mail.") + table;
        comparison.BreakTablesBy([&server, damage] { server.Execute(damage); });
        comparison.Compare(SiteToBreak(), HowToRecipients());
    }
    comparison.BreakTablesBy([&server] { server.Stop(); });
    comparison.Compare(SiteToBreak(), HowToRecipients());
    comparison.Report("a broken mysql table");
}

}  // namespace
}  // namespace policyd::agreement
