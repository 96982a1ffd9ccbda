#include "policyd/checks/exemptions.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace policyd::checks {
namespace {

TEST(AddressListTest, MatchesAddressesUsersDomainsAndTheNullSender) {
    const AddressList list({"Boss@Example.com", "postmaster@", "@partner.example", "<>"});
    EXPECT_TRUE(list.Contains("boss@example.COM"));
    EXPECT_TRUE(list.Contains("Postmaster@any.example"));
    EXPECT_TRUE(list.Contains("postmaster"));
    EXPECT_TRUE(list.Contains("anyone@partner.example"));
    EXPECT_TRUE(list.Contains(""));
    EXPECT_FALSE(list.Contains("boss@example.org"));
    EXPECT_FALSE(list.Contains("notpostmaster@any.example"));
    EXPECT_FALSE(list.Contains("anyone@sub.partner.example"));
}

TEST(AddressListTest, MatchesNothingWhenItIsEmpty) {
    EXPECT_FALSE(AddressList({}).Contains(""));
}

TEST(AddressListTest, RefusesWhatIsNoPattern) {
    EXPECT_THROW(AddressList({"postmaster"}), std::invalid_argument);
    EXPECT_THROW(AddressList({"@"}), std::invalid_argument);
    EXPECT_THROW(AddressList({" ann@example.com"}), std::invalid_argument);
    EXPECT_THROW(AddressList({"<ann@example.com>"}), std::invalid_argument);
}

TEST(ClientListTest, MatchesAddressesNetworksAndNames) {
    const ClientList list(
        {"192.0.2.1", "198.51.100.0/24", "2001:db8::/33", "mx.example.net", ".lan.example"});
    EXPECT_TRUE(list.Contains("192.0.2.1", "unknown"));
    EXPECT_FALSE(list.Contains("192.0.2.2", "unknown"));
    EXPECT_TRUE(list.Contains("198.51.100.255", "unknown"));
    EXPECT_FALSE(list.Contains("198.51.101.0", "unknown"));
    EXPECT_TRUE(list.Contains("2001:db8:7fff::1", "unknown"));
    EXPECT_FALSE(list.Contains("2001:db8:8000::1", "unknown"));
    EXPECT_TRUE(list.Contains("203.0.113.1", "MX.example.net"));
    EXPECT_TRUE(list.Contains("203.0.113.1", "a.lan.example"));
    EXPECT_FALSE(list.Contains("203.0.113.1", "lan.example"));
}

TEST(ClientListTest, ANetworkOfZeroBitsIsEveryAddressOfItsFamily) {
    const ClientList list({"0.0.0.0/0"});
    EXPECT_TRUE(list.Contains("203.0.113.1", ""));
    EXPECT_FALSE(list.Contains("2001:db8::1", ""));
}

TEST(ClientListTest, ANetworkOfIpv6HoldsNoAddressOfIpv4) {
    const ClientList all({"::/0"});
    EXPECT_TRUE(all.Contains("2001:db8::1", ""));
    EXPECT_FALSE(all.Contains("203.0.113.1", ""));
    const ClientList mapped({"::ffff:192.0.2.0/120"});
    EXPECT_TRUE(mapped.Contains("192.0.2.7", ""));
    EXPECT_FALSE(mapped.Contains("192.0.3.7", ""));
}

TEST(ExemptionsTest, CoverARecipientHoweverHeIsTyped) {
    protocol::PolicyRequest request;
    Exemptions exempt;
    exempt.recipients = AddressList({"joe@example.com"});
    EXPECT_TRUE(exempt.Cover(request, "JOE@example.com"));
    EXPECT_FALSE(exempt.Cover(request, "joe"));
    mail::RewritingRules rules;
    rules.myorigin = rules.mydomain = "example.com";
    exempt.rewriting = rules;
    exempt.extensions.delimiters = "+";
    for (const char* recipient : {"joe@example.com", "JOE@Example.com", "joe@example.com.", "joe",
                                  "joe%example.com", "example.com!joe", "joe+x@example.com"})
        EXPECT_TRUE(exempt.Cover(request, recipient)) << recipient;
    for (const char* recipient : {"joe@example.net", "joey@example.com", "+joe@example.com"})
        EXPECT_FALSE(exempt.Cover(request, recipient)) << recipient;
}

TEST(ExemptionsTest, CoverASenderWithAnyExtension) {
    Exemptions exempt;
    exempt.senders = AddressList({"boss@example.com", "list@", "<>"});
    exempt.extensions.delimiters = "+-";
    protocol::PolicyRequest request;
    for (const char* sender :
         {"boss@example.com", "Boss+x@example.com", "list-bounce@foo.org", ""}) {
        request.sender = sender;
        EXPECT_TRUE(exempt.Cover(request, "ann@example.com")) << sender;
    }
    for (const char* sender : {"boss+x@example.net", "x+boss@example.com"}) {
        request.sender = sender;
        EXPECT_FALSE(exempt.Cover(request, "ann@example.com")) << sender;
    }
}

TEST(ExemptionsTest, CoverASenderHoweverHeIsTyped) {
    Exemptions exempt;
    exempt.senders = AddressList({"root@mx.example.com", "<>"});
    exempt.rewriting.emplace();
    exempt.rewriting->myorigin = "mx.example.com";
    protocol::PolicyRequest request;
    for (const char* sender : {"root@mx.example.com", "root", "ROOT@mx.example.com.", ""}) {
        request.sender = sender;
        EXPECT_TRUE(exempt.Cover(request, "ann@example.com")) << sender;
    }
    exempt.senders = AddressList({"boss@host"});
    exempt.rewriting->mydomain = "example.com";
    exempt.rewriting->append_dot_mydomain = true;
    request.sender = "boss@host";
    EXPECT_TRUE(exempt.Cover(request, "ann@example.com")) << "as it was typed";
    request.sender = "toor";
    EXPECT_FALSE(exempt.Cover(request, "ann@example.com"));
}

TEST(ExemptionsTest, KnowAnAddressInQuotesByWhatIsInThem) {
    Exemptions exempt;
    exempt.recipients = AddressList({"\"john doe\"@example.com"});
    exempt.senders = AddressList({"\"joe\"@example.org"});
    protocol::PolicyRequest request;
    EXPECT_TRUE(exempt.Cover(request, "John Doe@example.com")) << "as Postfix tells it";
    request.sender = "joe@example.org";
    EXPECT_TRUE(exempt.Cover(request, "ann@example.com"));
}

TEST(ClientListTest, RefusesWhatIsNoPattern) {
    for (const char* pattern :
         {"10.0.0.1/8", "192.0.2.1/31", "2001:db8::1/64", "192.0.2.0/33", "x/8", "", "a b",
          "2001:db8::/129", "192.0.2.0/", "*", "*.example.com", "300.1.1.1", "."})
        EXPECT_THROW(ClientList({pattern}), std::invalid_argument) << pattern;
}

}  // namespace
}  // namespace policyd::checks
