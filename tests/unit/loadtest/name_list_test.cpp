#include "loadtest/name_list.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "tests/support/scratch_directory.hpp"

namespace policyd::loadtest {
namespace {

TEST(NameListTest, GeneratesAsManyAsAskedFor) {
    const NameList list = OpenNameList("generated:3", GeneratedRecipient);
    EXPECT_EQ(list.Size(), 3U);
    EXPECT_EQ(list.Name(2), "user0000002@d2.load.example");
    EXPECT_EQ(list.Rest(2), "");
}

TEST(NameListTest, ReadsNamesAndWhatStandsBehindThem) {
    const test::ScratchDirectory scratch;
    const auto path = scratch.Write("names",
                                    "\xEF\xBB\xBF# recipients\n\n"
                                    "a@example.com\n"
                                    "  b@example.com \t 552 5.2.2 Mailbox is full \n");
    const NameList list = OpenNameList("file:" + path.string(), GeneratedRecipient);
    ASSERT_EQ(list.Size(), 2U);
    EXPECT_EQ(list.Name(0), "a@example.com");
    EXPECT_EQ(list.Rest(0), "");
    EXPECT_EQ(list.Name(1), "b@example.com");
    EXPECT_EQ(list.Rest(1), "552 5.2.2 Mailbox is full");
}

TEST(NameListTest, RefusesWhatItDoesNotKnow) {
    for (const char* source :
         {"", "generated:", "generated:0", "generated:x", "generated:1000000000000", "/etc/passwd"})
        EXPECT_THROW(OpenNameList(source, GeneratedSender), std::invalid_argument) << source;
}

TEST(NameListTest, SaysWhichFileItCannotUse) {
    const test::ScratchDirectory scratch;
    const std::string empty = scratch.Write("empty", "# nobody\n").string();
    for (const std::string& path : {empty, (scratch / "missing").string()}) {
        try {
            OpenNameList("file:" + path, GeneratedSender);
            ADD_FAILURE() << path;
        } catch (const std::runtime_error& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr(path));
        }
    }
}

TEST(GeneratedClientTest, IsAnAddressAsPostfixWritesItAndNoneTwice) {
    std::set<std::string> seen;
    for (std::uint64_t place = 0; place < 20'000'000; place += 9'973) {
        const std::string address = GeneratedClient(place);
        EXPECT_TRUE(seen.insert(address).second) << address;
        in6_addr binary{};
        const int family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
        ASSERT_EQ(inet_pton(family, address.c_str(), &binary), 1) << address;
        char text[INET6_ADDRSTRLEN];
        EXPECT_EQ(inet_ntop(family, &binary, text, sizeof text), address);
    }
}

TEST(GeneratedClientTest, GoesOnWhereTheSimplerAddressesEnd) {
    const std::uint64_t first = 131072 + (std::uint64_t{1} << 45);
    EXPECT_EQ(GeneratedClient(first - 1), "2001:db8:8000:8000:8000::1");
    EXPECT_EQ(GeneratedClient(first), "2001:db8:2:1:1:1:1:1");
}

TEST(GeneratedClientTest, BeginsInTheNetworkForBenchmarks) {
    EXPECT_EQ(GeneratedClient(0), "198.18.0.0");
    EXPECT_EQ(GeneratedClient(131071), "198.19.255.255");
    EXPECT_EQ(GeneratedClient(131072), "2001:db8:1:1:1::1");
}

TEST(ClientNameTest, IsMadeOfTheAddress) {
    EXPECT_EQ(ClientName("198.18.0.1"), "client-198-18-0-1.clients.example");
    EXPECT_EQ(ClientName("2001:db8::1"), "client-2001-db8--1.clients.example");
}

}  // namespace
}  // namespace policyd::loadtest
