#include "common/recipients/postfix_recipient_resolver.hpp"

#include <gmock/gmock.h>

#include "common/config/expansion.hpp"
#include "common/log/logging.hpp"
#include "common/tables/static_table.hpp"
#include "tests/support/scratch_directory.hpp"
#include "tests/unit/common/recipients/mail_system_fixture.hpp"

namespace policyd::recipients {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = Resolution::Kind;

class PostfixRecipientResolverTest : public MailSystemFixture {
protected:
    static async::Task<void> CountMailboxes(async::Task<Resolution> resolving, std::size_t& count) {
        const Resolution resolution = co_await resolving;
        count = resolution.mailboxes.size();
    }
};

// Who exists

TEST_F(PostfixRecipientResolverTest, AUserOfAHostedDomainIsKnown) {
    const Resolution resolution = Resolve("joe@example.com");
    EXPECT_EQ(resolution.kind, Kind::kKnown);
    const Mailbox expected{text::InlineString("joe@example.com"), "joe@example.com", 0, 0};
    EXPECT_THAT(resolution.mailboxes, ElementsAre(expected));
}

TEST_F(PostfixRecipientResolverTest, ASizeLimitComesWithTheMailbox) {
    quotas.rows["joe@example.com"] = "18446744073709551615";
    EXPECT_EQ(Resolve("joe@example.com").mailboxes.at(0).quota_bytes, 18446744073709551615u);
}

TEST_F(PostfixRecipientResolverTest, AMissingSizeLimitIsNone) {
    quotas.rows.clear();
    EXPECT_EQ(Resolve("joe@example.com").mailboxes.at(0).quota_bytes, 0u);
}

TEST_F(PostfixRecipientResolverTest, AMailboxHasItsLimitUnderAnyAddressThatHasNone) {
    mailboxes.rows["joe@example.org"] = "example.com/joe/";
    quotas.rows = {{"joe@example.com", "1000"}};
    EXPECT_EQ(Resolve("joe@example.org").mailboxes.at(0).quota_bytes, 1000u);
    quotas.rows["joe@example.org"] = "0";
    EXPECT_EQ(Resolve("joe@example.org").mailboxes.at(0).quota_bytes, 0u);
}

TEST_F(PostfixRecipientResolverTest, ALimitForADomainIsTheDefaultUnlessAMailboxHasThatAddress) {
    quotas.rows = {{"@example.com", "1000"}};
    EXPECT_EQ(Resolve("joe@example.com").mailboxes.at(0).quota_bytes, 1000u);
    mailboxes.rows["@example.com"] = "example.com/all/";
    EXPECT_EQ(Resolve("joe@example.com").mailboxes.at(0).quota_bytes, 0u);
    EXPECT_EQ(Resolve("nobody@example.com").mailboxes.at(0).quota_bytes, 1000u);
    mailboxes.rows["@example.com"] = "example.com/joe/";
    EXPECT_EQ(Resolve("joe@example.com").mailboxes.at(0).quota_bytes, 1000u);
}

TEST_F(PostfixRecipientResolverTest, ALimitForADomainIsTheDefaultWhereTheMailboxesHaveNoPaths) {
    quotas.rows = {{"@example.com", "1000"}};
    mailboxes.rows = {{"joe@example.com", "1"}, {"@example.com", "1"}};
    EXPECT_EQ(Resolve("joe@example.com").mailboxes.at(0).quota_bytes, 1000u);
    mailboxes.rows["@example.com"] = "2";
    EXPECT_EQ(Resolve("joe@example.com").mailboxes.at(0).quota_bytes, 0u);
}

TEST_F(PostfixRecipientResolverTest, ALimitIsAlsoForExtensionsUnlessTheyAreMailboxes) {
    system.extensions.delimiters = "+";
    quotas.rows = {{"joe@example.com", "1000"}};
    EXPECT_EQ(Resolve("joe+box@example.com").mailboxes.at(0).quota_bytes, 1000u);
    mailboxes.rows["joe+box@example.com"] = "example.com/joe+box/";
    EXPECT_EQ(Resolve("joe+box@example.com").mailboxes.at(0).quota_bytes, 0u);
    mailboxes.rows["joe+box@example.com"] = "example.com/joe/";
    EXPECT_EQ(Resolve("joe+box@example.com").mailboxes.at(0).quota_bytes, 1000u);
}

TEST_F(PostfixRecipientResolverTest, ADefaultLimitIsForMailboxesThatHaveNone) {
    system.extensions.delimiters = "+";
    tables::StaticTable any("700");
    MapTable messages;
    messages.rows = {{"joe@example.com", "9"}};
    system.virtual_mailbox_limit_defaults = tables::TableChain("x", {&any});
    system.virtual_mailbox_message_limit_defaults = tables::TableChain("y", {&messages});
    quotas.rows = {{"joe@example.com", "1000"}};
    EXPECT_EQ(Resolve("joe@example.com").mailboxes.at(0).quota_bytes, 1000u);
    EXPECT_EQ(Resolve("joe+box@example.com").mailboxes.at(0).quota_bytes, 1000u);
    EXPECT_EQ(Resolve("joe+box@example.com").mailboxes.at(0).quota_messages, 9u);
    EXPECT_EQ(Resolve("ann@example.com").mailboxes.at(0).quota_bytes, 700u);
    quotas.rows["ann@example.com"] = "0";
    EXPECT_EQ(Resolve("ann@example.com").mailboxes.at(0).quota_bytes, 0u);
    system.virtual_mailbox_limit_maps = {};
    EXPECT_EQ(Resolve("joe@example.com").mailboxes.at(0).quota_bytes, 700u);
}

TEST_F(PostfixRecipientResolverTest, TheLimitsOfItsDomainComeWithTheMailbox) {
    MapTable bytes;
    MapTable messages;
    system.virtual_domain_limit_maps = tables::TableChain("virtual_domain_limit_maps", {&bytes});
    system.virtual_domain_message_limit_maps =
        tables::TableChain("virtual_domain_message_limit_maps", {&messages});
    EXPECT_EQ(Resolve("joe@example.com").mailboxes.at(0).domain_quota_messages, 0u);
    bytes.rows["example.com"] = "5000";
    messages.rows["example.com"] = "20";
    const Mailbox joe = Resolve("joe@example.com").mailboxes.at(0);
    EXPECT_EQ(joe.domain_quota_bytes, 5000u);
    EXPECT_EQ(joe.domain_quota_messages, 20u);
}

TEST_F(PostfixRecipientResolverTest, ASizeLimitThatIsNoNumberCannotBeTold) {
    for (const char* quota : {"many", "-1", "10 MB", "18446744073709551616"}) {
        quotas.rows["joe@example.com"] = quota;
        EXPECT_THROW(Resolve("joe@example.com"), outage::TableUnavailable) << quota;
    }
}

TEST_F(PostfixRecipientResolverTest, AnotherUserOfAHostedDomainIsUnknown) {
    EXPECT_EQ(KindOf("nobody@example.com"), Kind::kUnknown);
    EXPECT_EQ(KindOf("postmaster@example.com"), Kind::kUnknown);
}

TEST_F(PostfixRecipientResolverTest, AForeignDomainIsNotOurs) {
    EXPECT_EQ(KindOf("joe@foreign.example"), Kind::kNotOurs);
    EXPECT_EQ(KindOf("joe@sub.example.com"), Kind::kNotOurs);
    EXPECT_EQ(KindOf("joe@[192.0.2.1]"), Kind::kNotOurs);
}

TEST_F(PostfixRecipientResolverTest, CaseDoesNotMatterAndOneDotIsStripped) {
    EXPECT_THAT(MailboxesOf("JOE@Example.COM."), ElementsAre("joe@example.com"));
}

TEST_F(PostfixRecipientResolverTest, AnAddressWithoutDomainGetsMyOrigin) {
    system.rewriting.myorigin = "example.com";
    EXPECT_THAT(MailboxesOf("joe"), ElementsAre("joe@example.com"));
    EXPECT_EQ(KindOf("nobody"), Kind::kUnknown);
}

TEST_F(PostfixRecipientResolverTest, PercentAndBangAreRouting) {
    EXPECT_THAT(MailboxesOf("joe%example.com"), ElementsAre("joe@example.com"));
    EXPECT_THAT(MailboxesOf("example.com!joe"), ElementsAre("joe@example.com"));
    EXPECT_THAT(MailboxesOf("joe%example.com@mx.lab.test"), ElementsAre("joe@example.com"));
    AddUser("50%off@example.com");
    EXPECT_EQ(KindOf("50%off@example.com"), Kind::kNotOurs);
}

TEST_F(PostfixRecipientResolverTest, AnAliasAskedByWayOfALocalDomainIsKnownButLeadsNowhere) {
    forwardings.rows["info@example.com"] = "joe@example.com";
    const Resolution resolution = Resolve("info%example.com@mx.lab.test");
    EXPECT_EQ(resolution.kind, Kind::kKnown);
    EXPECT_THAT(resolution.mailboxes, IsEmpty());
}

TEST_F(PostfixRecipientResolverTest, LocalDomainsAreKnownUnlessTheirRecipientsAreListed) {
    EXPECT_EQ(KindOf("root@mx.lab.test"), Kind::kKnown);
    MapTable passwd;
    passwd.rows["root"] = "x";
    system.local_recipient_maps = tables::TableChain("local_recipient_maps", {&passwd});
    EXPECT_EQ(KindOf("root@mx.lab.test"), Kind::kKnown);
    EXPECT_EQ(KindOf("nobody@mx.lab.test"), Kind::kUnknown);
    for (const char* user : {"postmaster", "Mailer-Daemon", "double-bounce"})
        EXPECT_EQ(KindOf(std::string(user) + "@mx.lab.test"), Kind::kKnown) << user;
    EXPECT_EQ(KindOf("mailer-daemon@example.com"), Kind::kUnknown) << "no local domain";
}

TEST_F(PostfixRecipientResolverTest, AliasDomainsHaveOnlyAliases) {
    system.virtual_alias_domains = List("virtual_alias_domains", {"alias.example"});
    forwardings.rows["info@alias.example"] = "joe@example.com";
    EXPECT_THAT(MailboxesOf("info@alias.example"), ElementsAre("joe@example.com"));
    EXPECT_EQ(KindOf("joe@alias.example"), Kind::kUnknown);
}

TEST_F(PostfixRecipientResolverTest, RelayDomainsAreKnownUnlessTheirRecipientsAreListed) {
    system.relay_domains =
        List("relay_domains", {"relay.example"}, tables::DomainList::Matching::kSubdomains);
    EXPECT_EQ(KindOf("joe@sub.relay.example"), Kind::kKnown);
    MapTable recipients;
    recipients.rows["@relay.example"] = "x";
    system.relay_recipient_maps = tables::TableChain("relay_recipient_maps", {&recipients});
    EXPECT_EQ(KindOf("joe@relay.example"), Kind::kKnown);
    EXPECT_EQ(KindOf("joe@sub.relay.example"), Kind::kUnknown);
}

TEST_F(PostfixRecipientResolverTest, AQuotedLocalPartIsFoundInEitherForm) {
    mailboxes.rows["\"a b\"@example.com"] = "example.com/a b/";
    mailboxes.rows["c d@example.com"] = "example.com/c d/";
    EXPECT_THAT(MailboxesOf("a b@example.com"), ElementsAre("a b@example.com"));
    EXPECT_THAT(MailboxesOf("c d@example.com"), ElementsAre("c d@example.com"));
}

TEST_F(PostfixRecipientResolverTest, WhatIsNoAddressIsNotOurs) {
    for (const char* address : {"joe@", "joe@exa mple.com", "joe@example..com", "-joe@example.com",
                                "joe@192.0.2.1", "joe@\xff.example"})
        EXPECT_EQ(KindOf(address), Kind::kNotOurs) << address;
}

// Extensions

TEST_F(PostfixRecipientResolverTest, WithoutADelimiterAnExtensionIsPartOfTheName) {
    EXPECT_EQ(KindOf("joe+box@example.com"), Kind::kUnknown);
}

TEST_F(PostfixRecipientResolverTest, AnExtensionLeadsToTheSameMailbox) {
    system.extensions.delimiters = "+-";
    for (const char* address : {"joe+box@example.com", "joe-box@example.com"}) {
        const Resolution resolution = Resolve(address);
        ASSERT_EQ(resolution.mailboxes.size(), 1u) << address;
        EXPECT_EQ(resolution.mailboxes[0].name, "joe@example.com");
        EXPECT_EQ(resolution.mailboxes[0].address, "joe@example.com");
    }
}

TEST_F(PostfixRecipientResolverTest, AnExtensionIsPropagatedToEveryTarget) {
    system.extensions.delimiters = "+";
    forwardings.rows["info@example.com"] = "joe@example.com, x@example.org";
    forwardings.rows["x+box@example.org"] = "ann@example.com";
    EXPECT_THAT(MailboxesOf("info+box@example.com"),
                ElementsAre("joe@example.com", "ann@example.com"));
    system.propagate_extension_of_virtual = false;
    EXPECT_THAT(MailboxesOf("info+box@example.com"), ElementsAre("joe@example.com"));
}

TEST_F(PostfixRecipientResolverTest, ACatchAllDoesNotLoseTheExtension) {
    system.extensions.delimiters = "+";
    forwardings.rows["@example.org"] = "@example.com";
    mailboxes.rows["x+box@example.com"] = "example.com/x-box/";
    EXPECT_THAT(MailboxesOf("x+box@example.org"), ElementsAre("x-box@example.com"));
}

// Forwardings

TEST_F(PostfixRecipientResolverTest, AForwardingLeadsToItsTargets) {
    forwardings.rows["info@example.com"] = "joe@example.com, ann@example.com,far@foreign.example";
    EXPECT_THAT(MailboxesOf("info@example.com"), ElementsAre("joe@example.com", "ann@example.com"));
}

TEST_F(PostfixRecipientResolverTest, AUserWinsOverACatchAllButNotOverHisOwnForwarding) {
    forwardings.rows["@example.com"] = "ann@example.com";
    EXPECT_THAT(MailboxesOf("joe@example.com"), ElementsAre("joe@example.com"));
    EXPECT_THAT(MailboxesOf("nobody@example.com"), ElementsAre("ann@example.com"));
    forwardings.rows["joe@example.com"] = "ann@example.com";
    EXPECT_THAT(MailboxesOf("joe@example.com"), ElementsAre("ann@example.com"));
}

TEST_F(PostfixRecipientResolverTest, ADomainIsForwardedUserByUser) {
    forwardings.rows["@example.org"] = "@example.com";
    EXPECT_THAT(MailboxesOf("joe@example.org"), ElementsAre("joe@example.com"));
    EXPECT_THAT(MailboxesOf("nobody@example.org"), IsEmpty());
    EXPECT_EQ(KindOf("nobody@example.org"), Kind::kKnown);
}

TEST_F(PostfixRecipientResolverTest, ChainsAreFollowed) {
    forwardings.rows["a@example.com"] = "b@example.org";
    forwardings.rows["b@example.org"] = "c@unhosted.example, ann@example.com";
    forwardings.rows["c@unhosted.example"] = "JOE@example.com";
    EXPECT_THAT(MailboxesOf("a@example.com"), ElementsAre("joe@example.com", "ann@example.com"));
}

TEST_F(PostfixRecipientResolverTest, AnAliasThatListsItselfKeepsACopy) {
    forwardings.rows["joe@example.com"] = "ann@example.com, Joe@example.com";
    EXPECT_THAT(MailboxesOf("joe@example.com"), ElementsAre("ann@example.com", "joe@example.com"));
}

TEST_F(PostfixRecipientResolverTest, MutualCopiesAreFine) {
    forwardings.rows["joe@example.com"] = "joe@example.com, ann@example.com";
    forwardings.rows["ann@example.com"] = "ann@example.com, joe@example.com";
    EXPECT_THAT(MailboxesOf("joe@example.com"), ElementsAre("joe@example.com", "ann@example.com"));
}

TEST_F(PostfixRecipientResolverTest, ALoopIsKnownAndLeadsNowhere) {
    forwardings.rows["a@example.com"] = "b@example.com";
    forwardings.rows["b@example.com"] = "a@example.com, joe@example.com";
    EXPECT_EQ(KindOf("a@example.com"), Kind::kKnown);
    EXPECT_THAT(MailboxesOf("a@example.com"), IsEmpty());
}

TEST_F(PostfixRecipientResolverTest, TheLimitsOfExpansionHold) {
    forwardings.rows["a@example.com"] = "joe@example.com, ann@example.com";
    forwardings.rows["b@example.com"] = "a@example.com";
    system.virtual_alias_expansion_limit = 2;
    EXPECT_THAT(MailboxesOf("b@example.com"), ElementsAre("joe@example.com", "ann@example.com"));
    system.virtual_alias_expansion_limit = 1;
    EXPECT_THAT(MailboxesOf("b@example.com"), IsEmpty());
    system.virtual_alias_expansion_limit = 1000;
    system.virtual_alias_recursion_limit = 2;
    EXPECT_THAT(MailboxesOf("b@example.com"), IsEmpty());
    system.virtual_alias_recursion_limit = 3;
    EXPECT_THAT(MailboxesOf("b@example.com"), ElementsAre("joe@example.com", "ann@example.com"));
    system.virtual_alias_recursion_limit = 1000;
    system.virtual_alias_address_length_limit = 14;
    EXPECT_THAT(MailboxesOf("b@example.com"), IsEmpty());
    system.virtual_alias_address_length_limit = 15;
    EXPECT_THAT(MailboxesOf("b@example.com"), ElementsAre("joe@example.com", "ann@example.com"));
}

TEST_F(PostfixRecipientResolverTest, AForwardingWithoutAnAddressIsKnownAndLeadsNowhere) {
    forwardings.rows["a@example.com"] = " , ";
    EXPECT_EQ(KindOf("a@example.com"), Kind::kKnown);
    EXPECT_THAT(MailboxesOf("a@example.com"), IsEmpty());
}

TEST_F(PostfixRecipientResolverTest, ADestinationThatStartsWithAnAtIsOneAddress) {
    forwardings.rows["joe@example.org"] = "@example.com, @example.com";
    EXPECT_THAT(MailboxesOf("joe@example.org"), IsEmpty());
}

TEST_F(PostfixRecipientResolverTest, AnAliasToTheNullAddressIsOneToMailerDaemon) {
    system.refuse_alias_to_nobody = true;
    forwardings.rows["info@example.com"] = "<>";
    EXPECT_EQ(KindOf("info@example.com"), Kind::kKnown);
    EXPECT_TRUE(Resolve("info@example.com").any_elsewhere);
}

TEST_F(PostfixRecipientResolverTest, AnExtensionIsPutBeforeTheLastAtOfATarget) {
    system.extensions.delimiters = "+";
    forwardings.rows["info@example.com"] = "\"a@b\"@example.com";
    forwardings.rows["\"a@b+x\"@example.com"] = "joe@example.com";
    EXPECT_THAT(MailboxesOf("info+x@example.com"), ElementsAre("joe@example.com"));
}

TEST_F(PostfixRecipientResolverTest, ATargetWithoutDomainGetsMyOrigin) {
    system.rewriting.myorigin = "example.com";
    forwardings.rows["info@example.com"] = "joe ann";
    EXPECT_THAT(MailboxesOf("info@example.com"), ElementsAre("joe@example.com", "ann@example.com"));
}

TEST_F(PostfixRecipientResolverTest, ABareNameIsAKeyForLocalDomainsOnly) {
    forwardings.rows["root"] = "joe@example.com";
    EXPECT_THAT(MailboxesOf("root@mx.lab.test"), ElementsAre("joe@example.com"));
    EXPECT_EQ(KindOf("root@example.com"), Kind::kUnknown);
}

TEST_F(PostfixRecipientResolverTest, CanonicalMapsRewriteBeforeAliases) {
    MapTable canonical;
    canonical.rows["old@example.com"] = "info@example.com";
    system.canonical_maps = tables::TableChain("canonical_maps", {&canonical});
    forwardings.rows["info@example.com"] = "joe@example.com";
    forwardings.rows["old@example.com"] = "ann@example.com";
    EXPECT_THAT(MailboxesOf("old@example.com"), ElementsAre("joe@example.com"));
    canonical.rows["older@example.com"] = "old@example.com";
    EXPECT_THAT(MailboxesOf("older@example.com"), ElementsAre("joe@example.com"));
    canonical.rows["old@example.com"] = "older@example.com";
    EXPECT_THAT(MailboxesOf("older@example.com"), IsEmpty()) << "a loop that ends";
    forwardings.rows["older@example.com"] = "ann@example.com";
    EXPECT_THAT(MailboxesOf("older@example.com"), ElementsAre("ann@example.com"))
        << "and goes on with what it has come to";
    canonical.rows["old@example.com"] = ",";
    EXPECT_THAT(MailboxesOf("old@example.com"), IsEmpty());
}

TEST_F(PostfixRecipientResolverTest, CanonicalMapsRewriteOnlyRecipientsOfTheirClasses) {
    MapTable canonical;
    canonical.rows["old@example.com"] = "joe@example.com";
    forwardings.rows["old@example.com"] = "ann@example.com";
    for (auto [chain, rewrites] :
         {std::pair(&MailSystem::canonical_maps, &MailSystem::rewrites_by_canonical_maps),
          std::pair(&MailSystem::recipient_canonical_maps,
                    &MailSystem::rewrites_by_recipient_canonical_maps)}) {
        system.*chain = tables::TableChain("canonical_maps", {&canonical});
        EXPECT_THAT(MailboxesOf("old@example.com"), ElementsAre("joe@example.com"));
        system.*rewrites = false;
        EXPECT_THAT(MailboxesOf("old@example.com"), ElementsAre("ann@example.com"));
    }
}

TEST_F(PostfixRecipientResolverTest, ATargetThatIsNamedTwiceGetsOneCopy) {
    forwardings.rows["a@example.com"] =
        "joe@example.com, ann@example.com, JOE@example.com, joe@example.com";
    const Resolution resolution = Resolve("a@example.com");
    ASSERT_EQ(resolution.mailboxes.size(), 2u);
    EXPECT_EQ(resolution.mailboxes[0].copies, 1u);
}

TEST_F(PostfixRecipientResolverTest, AnAliasThatListsItselfInCapitalsKeepsACopyToo) {
    forwardings.rows["joe@example.com"] = "ann@example.com, Joe@Example.COM";
    EXPECT_THAT(MailboxesOf("joe@example.com"), ElementsAre("ann@example.com", "joe@example.com"));
}

TEST_F(PostfixRecipientResolverTest, ADomainIsForwardedUserByUserWithTheExtensionOnce) {
    system.extensions.delimiters = "+";
    forwardings.rows["joe@example.org"] = "@example.com";
    mailboxes.rows["joe+box@example.com"] = "example.com/joe+box/";
    EXPECT_THAT(MailboxesOf("joe+box@example.org"), ElementsAre("joe+box@example.com"));
}

TEST_F(PostfixRecipientResolverTest, AnAliasToNobodyIsRefusedIfAskedFor) {
    forwardings.rows["a@example.com"] = "nobody@example.com, none@example.org";
    forwardings.rows["b@example.com"] = "nobody@example.com, far@foreign.example";
    EXPECT_EQ(KindOf("a@example.com"), Kind::kKnown);
    system.refuse_alias_to_nobody = true;
    EXPECT_EQ(KindOf("a@example.com"), Kind::kUnknown);
    EXPECT_EQ(KindOf("b@example.com"), Kind::kKnown);
}

// Transport

TEST_F(PostfixRecipientResolverTest, MailThatIsRoutedAwayHasNoMailboxHere) {
    for (const char* key : {"joe@example.com", "example.com", ".com", "*"}) {
        transports.rows = {{key, "smtp:[192.0.2.1]"}};
        EXPECT_EQ(KindOf("joe@example.com"), Kind::kKnown) << key;
        EXPECT_THAT(MailboxesOf("joe@example.com"), IsEmpty()) << key;
    }
}

TEST_F(PostfixRecipientResolverTest, TheBestTransportKeyDecides) {
    transports.rows = {{"*", "smtp:x"}, {"example.com", "smtp:y"}, {"joe@example.com", ":"}};
    EXPECT_THAT(MailboxesOf("joe@example.com"), ElementsAre("joe@example.com"));
    EXPECT_THAT(MailboxesOf("ann@example.com"), IsEmpty());
}

TEST_F(PostfixRecipientResolverTest, TheAddressWithoutExtensionIsATransportKey) {
    system.extensions.delimiters = "+";
    transports.rows = {{"joe@example.com", "smtp:x"}};
    EXPECT_THAT(MailboxesOf("joe+box@example.com"), IsEmpty());
}

TEST_F(PostfixRecipientResolverTest, ParentDomainsAreTransportKeysWithADot) {
    domains.rows["sub.example.com"] = "x";
    AddUser("joe@sub.example.com");
    transports.rows = {{"example.com", "smtp:x"}};
    EXPECT_THAT(MailboxesOf("joe@sub.example.com"), ElementsAre("joe@sub.example.com"));
    system.transport_of_domain_includes_subdomains = true;
    EXPECT_THAT(MailboxesOf("joe@sub.example.com"), IsEmpty());
}

TEST_F(PostfixRecipientResolverTest, ErrorAndRetryAnswerForWhomNoAliasHas) {
    transports.rows = {{"example.com", "error:closed"}};
    mailboxes.rows["bob@example.com"] = "example.com/bob/";
    EXPECT_EQ(KindOf("bob@example.com"), Kind::kUnknown);
    EXPECT_EQ(KindOf("joe@example.com"), Kind::kKnown);
    EXPECT_THAT(MailboxesOf("joe@example.com"), IsEmpty());
    transports.rows = {{"example.com", "retry:4.7.1 later"}};
    EXPECT_EQ(KindOf("bob@example.com"), Kind::kDeferred);
    EXPECT_EQ(KindOf("joe@example.com"), Kind::kKnown);
}

TEST_F(PostfixRecipientResolverTest, TheTextOfTheTransportIsForTheSender) {
    mailboxes.rows["bob@example.com"] = "example.com/bob/";
    const auto text = [this](const char* route) -> std::string {
        transports.rows = {{"example.com", route}};
        const Resolution resolution = Resolve("bob@example.com");
        return resolution.refusal ? *resolution.refusal : "none";
    };
    EXPECT_EQ(text("error:5.7.1 closed: ask us"), "5.7.1 closed: ask us");
    EXPECT_EQ(text("retry:4.7.1 later"), "4.7.1 later");
    EXPECT_EQ(text("error:"), "none");
    EXPECT_EQ(text("error"), "none");
    EXPECT_EQ(text("retry:"), "none");
}

TEST_F(PostfixRecipientResolverTest, DeliveryByLmtpIntoTheStoreCounts) {
    system.virtual_transport = "dovecot:whatever";
    EXPECT_THAT(MailboxesOf("joe@example.com"), ElementsAre("joe@example.com"));
    transports.rows = {{"example.com", "lmtp:unix:private/dovecot-lmtp"}};
    EXPECT_THAT(MailboxesOf("joe@example.com"), ElementsAre("joe@example.com"));
    transports.rows = {{"example.com", "lmtp:inet:192.0.2.1:24"}};
    EXPECT_THAT(MailboxesOf("joe@example.com"), IsEmpty());
}

TEST_F(PostfixRecipientResolverTest, AnotherNextHopThatBeginsAsTheMailStoresIsNotTheMailStore) {
    system.virtual_transport = "lmtp:inet:192.0.2.1:24";
    EXPECT_THAT(MailboxesOf("joe@example.com"), ElementsAre("joe@example.com"));
    transports.rows = {{"example.com", "lmtp:inet:192.0.2.1:2400"}};
    EXPECT_THAT(MailboxesOf("joe@example.com"), IsEmpty());
    transports.rows = {{"example.com", "lmtp:inet:192.0.2.1:24"}};
    EXPECT_THAT(MailboxesOf("joe@example.com"), ElementsAre("joe@example.com"));
}

TEST_F(PostfixRecipientResolverTest, WithoutATableOfMailboxesOthersThanVirtualMayHaveThem) {
    using Fate = Destination::Fate;
    const auto fate = [this] {
        PostfixRecipientResolver resolver(system);
        const Way way = test::RunToEnd(resolver.Follow("joe@example.com"));
        return way.destinations->at(0).fate;
    };
    system.mailbox_transports = {"virtual", "relay:[192.0.2.1]"};
    system.refuse_alias_to_nobody = true;
    mailboxes.rows.clear();
    transports.rows = {{"example.com", "relay:[192.0.2.1]:25"}};
    EXPECT_EQ(fate(), Fate::kNoSuchMailbox);
    EXPECT_EQ(KindOf("joe@example.com"), Kind::kUnknown);
    system.virtual_mailbox_maps = tables::TableChain("virtual_mailbox_maps", {});
    system.virtual_mailbox_maps_as_written = system.virtual_mailbox_maps;
    EXPECT_EQ(fate(), Fate::kElsewhere);
    EXPECT_EQ(KindOf("joe@example.com"), Kind::kKnown);
    transports.rows.clear();
    EXPECT_EQ(fate(), Fate::kNoSuchMailbox) << "virtual(8) has no other table";
}

TEST_F(PostfixRecipientResolverTest, ARelocatedUserWhomNoAliasHasIsUnknown) {
    MapTable relocated;
    relocated.rows["bob@example.com"] = "bob@foreign.example";
    system.relocated_maps = tables::TableChain("relocated_maps", {&relocated});
    mailboxes.rows["bob@example.com"] = "example.com/bob/";
    EXPECT_EQ(KindOf("bob@example.com"), Kind::kUnknown);
}

// Mailboxes

TEST_F(PostfixRecipientResolverTest, ACatchAllMailboxIsTheDomainsDirectory) {
    AddUser("@example.org");
    email2email.rows.erase("@example.org");
    const Resolution resolution = Resolve("Anyone@example.org");
    const Mailbox expected{text::InlineString("@example.org"), "@example.org", 0, 0};
    EXPECT_THAT(resolution.mailboxes, ElementsAre(expected));
}

TEST_F(PostfixRecipientResolverTest, TheDirectoryNamesTheMailbox) {
    mailboxes.rows["joe@example.com"] = "example.com/up/../Joe.User//";
    EXPECT_THAT(MailboxesOf("joe@example.com"), ElementsAre("Joe.User@example.com"));
    EXPECT_EQ(Resolve("joe@example.com").mailboxes[0].address, "joe@example.com");
}

TEST_F(PostfixRecipientResolverTest, AFolderBelongsToTheMailboxThatItIsIn) {
    mailboxes.rows["joe-lists@example.com"] = "example.com/joe/.Lists/";
    mailboxes.rows["joe-trash@example.com"] = "example.com/joe/..DOVECOT-TRASHED/";
    mailboxes.rows["joe-deep@example.com"] = "example.com/joe/.Lists/deep/";
    EXPECT_THAT(MailboxesOf("joe-lists@example.com"), ElementsAre("joe@example.com"));
    EXPECT_THAT(MailboxesOf("joe-trash@example.com"), ElementsAre("joe-trash@example.com"));
    EXPECT_THAT(MailboxesOf("joe-deep@example.com"), ElementsAre("joe-deep@example.com"));
}

TEST_F(PostfixRecipientResolverTest, APathOutsideTheStoreIsNoMailbox) {
    mailboxes.rows["joe@example.com"] = "example.com/../../joe/";
    EXPECT_EQ(KindOf("joe@example.com"), Kind::kKnown);
    EXPECT_THAT(MailboxesOf("joe@example.com"), IsEmpty());
}

TEST_F(PostfixRecipientResolverTest, AFileOrAForeignDirectoryIsNamedByItsAddress) {
    mailboxes.rows["joe@example.com"] = "example.com/file";
    EXPECT_THAT(MailboxesOf("JOE@example.com"), ElementsAre("joe@example.com"));
    mailboxes.rows["joe@example.com"] = "quite/another/layout/";
    EXPECT_THAT(MailboxesOf("joe@example.com"), ElementsAre("joe@example.com"));
}

TEST_F(PostfixRecipientResolverTest, AMailboxThatNoScanMeasuresIsWarnedOfOnceInAWhile) {
    mailboxes.rows["joe@example.com"] = "quite/another/layout/";
    const test::ScratchDirectory scratch;
    log::Configure("policyd", {.destination = "file:" + (scratch / "log").string()});
    PostfixRecipientResolver resolver(system);
    for (int i = 0; i < 3; ++i) test::RunToEnd(resolver.Resolve("joe@example.com"));
    log::Shutdown();
    const std::string log = test::ReadFile(scratch / "log");
    const std::size_t first = log.find("does not fit mailbox_layout");
    EXPECT_NE(first, log.npos);
    EXPECT_EQ(log.find("does not fit mailbox_layout", first + 1), log.npos);
}

TEST_F(PostfixRecipientResolverTest, OneMailboxReachedTwiceIsListedOnceWithTwoCopies) {
    mailboxes.rows["jo@example.com"] = "example.com/joe/";
    forwardings.rows["info@example.com"] = "joe@example.com, jo@example.com";
    EXPECT_THAT(MailboxesOf("info@example.com"), ElementsAre("joe@example.com"));
    EXPECT_EQ(Resolve("info@example.com").mailboxes[0].copies, 2u);
    EXPECT_EQ(Resolve("joe@example.com").mailboxes[0].copies, 1u);
}

TEST_F(PostfixRecipientResolverTest, MailToTheLocalAddressOfDoubleBouncesIsThrownAway) {
    system.local_transport = "virtual";
    mailboxes.rows["double-bounce@mx.lab.test"] = "mx.lab.test/double-bounce/";
    mailboxes.rows["double-bounce@example.com"] = "example.com/double-bounce/";
    forwardings.rows["info@example.com"] = "Double-Bounce@mx.lab.test";
    EXPECT_EQ(KindOf("info@example.com"), Kind::kKnown);
    EXPECT_THAT(MailboxesOf("info@example.com"), IsEmpty());
    EXPECT_THAT(MailboxesOf("double-bounce@example.com"), ElementsAre("double-bounce@example.com"));
}

TEST_F(PostfixRecipientResolverTest, AKeyWithCapitalsInATextFileExistsButTakesNoMail) {
    async::EventLoop loop;
    tables::TableRegistry registry(loop, {});
    config::Settings settings = config::Expanded({});
    settings.virtual_mailbox_domains = {"example.com"};
    settings.virtual_mailbox_maps = {
        "inline:{ Joe@Example.com=example.com/joe/,"
        " ann@example.com=example.com/ann/ }"};
    system = OpenMailSystem(settings, registry);
    EXPECT_EQ(KindOf("joe@example.com"), Kind::kKnown);
    EXPECT_THAT(MailboxesOf("joe@example.com"), IsEmpty());
    EXPECT_THAT(MailboxesOf("Ann@example.com"), ElementsAre("ann@example.com"));
    system.virtual_transport = "lmtp:unix:private/dovecot-lmtp";
    EXPECT_THAT(MailboxesOf("joe@example.com"), ElementsAre("joe@example.com"));
    system = MailSystem();
}

TEST_F(PostfixRecipientResolverTest, TablesForAnyKeyHaveDefaultLimitsWhereverTheyStand) {
    async::EventLoop loop;
    tables::TableRegistry registry(loop, {});
    config::Settings settings = config::Expanded({});
    settings.virtual_mailbox_domains = {"example.com"};
    settings.virtual_mailbox_maps = {"pcre:{{/^([a-z]+)@/ example.com/x/}}"};
    settings.virtual_transport = "lmtp:unix:private/dovecot-lmtp";
    settings.recipient_delimiter = "+";
    settings.virtual_mailbox_limit_maps = {"static:700, inline:{joe@example.com=1000}"};
    settings.virtual_mailbox_message_limit_maps = {"inline:{joe@example.com=10}",
                                                   "pcre:{{/^x@/ 7}}"};
    system = OpenMailSystem(settings, registry);
    const auto limits_of = [this](const std::string& recipient) {
        const Mailbox mailbox = Resolve(recipient).mailboxes.at(0);
        return std::pair(mailbox.quota_bytes, mailbox.quota_messages);
    };
    EXPECT_EQ(limits_of("joe@example.com"), std::pair(1000ul, 10ul));
    EXPECT_EQ(limits_of("ann@example.com"), std::pair(700ul, 7ul)) << "of the mailbox x";
    system = MailSystem();
}

// Outages

TEST_F(PostfixRecipientResolverTest, ABrokenTableIsTemporaryForAllWhoNeedIt) {
    forwardings.rows["info@example.com"] = "joe@example.com";
    for (MapTable* table : {&domains, &transports}) {
        table->broken = true;
        EXPECT_THROW(Resolve("joe@example.com"), outage::TableUnavailable);
        EXPECT_THROW(Resolve("joe@foreign.example"), outage::TableUnavailable);
        table->broken = false;
    }
    for (MapTable* table : {&forwardings, &email2email, &mailboxes, &quotas}) {
        table->broken = true;
        EXPECT_THROW(Resolve("joe@example.com"), outage::TableUnavailable);
        EXPECT_EQ(KindOf("joe@foreign.example"), Kind::kNotOurs);
        table->broken = false;
    }
}

TEST_F(PostfixRecipientResolverTest, TheTargetsOfAnAliasCostOneQuestionEach) {
    forwardings.rows["team@example.com"] = "joe@example.com, ann@example.com, x@foreign.example";
    MapTable* const tables[] = {&forwardings, &email2email, &mailboxes, &quotas, &transports};
    for (MapTable* table : tables) table->server = this;
    EXPECT_EQ(Resolve("team@example.com").mailboxes.size(), 2u);
    int times_asked = 0;
    for (const MapTable* table : tables) {
        times_asked += table->times_asked_together;
    }
    EXPECT_EQ(times_asked, 4);
    EXPECT_THAT(forwardings.asked, testing::UnorderedElementsAre(
                                       "team@example.com", "joe@example.com", "ann@example.com",
                                       "x@foreign.example", "@foreign.example"));
}

TEST_F(PostfixRecipientResolverTest, TheTargetsOfALargeAliasAreAskedAboutOnceAndAFewAtATime) {
    std::string& targets = forwardings.rows["team@example.com"];
    for (int i = 0; i < 40; ++i) {
        const std::string user = "user" + std::to_string(i) + "@example.com";
        AddUser(user);
        targets += user + ", USER0@example.com, ";
    }
    std::vector<std::coroutine_handle<>> held;
    for (MapTable* table : {&forwardings, &email2email, &mailboxes, &quotas, &transports}) {
        table->server = this;
        table->held = &held;
    }
    std::vector<std::size_t> at_once;
    std::size_t found = 0;
    PostfixRecipientResolver resolver(system);
    async::Spawn(CountMailboxes(resolver.Resolve("team@example.com"), found),
                 [](std::exception_ptr) { FAIL(); });
    while (!held.empty()) {
        at_once.push_back(held.size());
        for (const auto asking : std::exchange(held, {})) asking.resume();
    }
    EXPECT_THAT(at_once, ElementsAre(1, 16, 16, 8));
    EXPECT_EQ(found, 40u);
}

TEST_F(PostfixRecipientResolverTest, WhatOneDecisionAsksTwiceIsLookedUpOnce) {
    Resolve("joe@example.com");
    EXPECT_THAT(domains.asked, ElementsAre("example.com"));
    EXPECT_THAT(mailboxes.asked, ElementsAre("joe@example.com"));
    EXPECT_THAT(email2email.asked, ElementsAre("joe@example.com"));
    EXPECT_THAT(transports.asked, ElementsAre("joe@example.com", "example.com", ".com", "*"));
}

}  // namespace
}  // namespace policyd::recipients
