#include "loadtest/population.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "tests/support/scratch_directory.hpp"

namespace policyd::loadtest {
namespace {

TEST(PopulationTest, GivesTheExpectationOfTheLineBeforeThatOfTheOption) {
    const test::ScratchDirectory scratch;
    Options options;
    options.recipients = "file:" + scratch.Write("r", "full@example.com 552 5.2.2 Full\n").string();
    options.expect = "dunno";
    Random random(1);
    const Population strict(options);
    const Recipient full = strict.ChooseRecipient(random);
    EXPECT_EQ(full.address, "full@example.com");
    ASSERT_NE(full.expected, nullptr);
    EXPECT_EQ(full.expected->Text(), "552 5.2.2 Full");

    options.recipients = "generated:5";
    const Population lenient(options);
    EXPECT_EQ(lenient.ChooseRecipient(random).expected->Text(), "dunno");
    EXPECT_EQ(lenient.UnknownRecipient(random).expected, nullptr);
    EXPECT_EQ(lenient.ExpectedAtEnd(), nullptr);
}

TEST(PopulationTest, InventsNobodiesInDomainsThatExist) {
    Options options;
    options.recipients = "generated:1";
    options.expect_unknown = "reject";
    const Population people(options);
    Random random(1);
    const Recipient nobody = people.UnknownRecipient(random);
    EXPECT_THAT(nobody.address, testing::AllOf(testing::StartsWith("nobody"),
                                               testing::EndsWith("@d0.load.example")));
    EXPECT_EQ(nobody.expected->Text(), "reject");
}

TEST(PopulationTest, MeetsEveryNewRecipientOnceBeforeAnyComesAgain) {
    Options options;
    options.recipients = "generated:1000";
    Population people(options);
    for (int round = 0; round < 2; ++round) {
        std::set<std::string> met;
        for (int i = 0; i < 1000; ++i) met.insert(people.NewRecipient().address);
        EXPECT_EQ(met.size(), 1000U);
    }
}

TEST(PopulationTest, NewcomersOfAnotherSeedAreOtherPeople) {
    Options options;
    Population one(options);
    options.seed = 2;
    Population other(options);
    std::set<std::string> met;
    for (int i = 0; i < 500; ++i) {
        for (Population* people : {&one, &other}) {
            met.insert(people->NewSender());
            met.insert(people->NewClient().address);
        }
    }
    EXPECT_EQ(met.size(), 2000U);
}

TEST(PopulationTest, NewcomersOfTheHighestSeedAreNotThoseOfTheLowest) {
    Options options;
    options.seed = 0;
    Population first(options);
    options.seed = kMostSeed;
    Population last(options);
    std::set<std::string> met;
    for (int i = 0; i < 500; ++i)
        for (Population* people : {&first, &last}) met.insert(people->NewClient().address);
    EXPECT_EQ(met.size(), 1000U);
}

TEST(PopulationTest, NamesTheClientsOfAFile) {
    const test::ScratchDirectory scratch;
    Options options;
    options.clients = "file:" + scratch.Write("c", "192.0.2.1 mx.example.org\n").string();
    const Population named(options);
    Random random(1);
    EXPECT_EQ(named.ChooseClient(random).name, "mx.example.org");

    options.clients = "file:" + scratch.Write("c", "192.0.2.1\n").string();
    const Population unnamed(options);
    EXPECT_EQ(unnamed.ChooseClient(random).name, "client-192-0-2-1.clients.example");
}

TEST(PopulationTest, TheVictimIsTheFirstRecipientUnlessNamed) {
    Options options;
    EXPECT_EQ(Population(options).Victim().address, "user0000000@d0.load.example");
    options.victim = "info@example.com";
    EXPECT_EQ(Population(options).Victim().address, "info@example.com");
}

TEST(PopulationTest, NamesTheOptionThatIsWrong) {
    Options options;
    options.senders = "nobody";
    try {
        const Population people(options);
        FAIL();
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), testing::StartsWith("--senders: "));
    }
}

}  // namespace
}  // namespace policyd::loadtest
