#include "common/mail/address_list.hpp"

#include <gmock/gmock.h>

namespace policyd::mail {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ParseAddressListTest, TakesCommasBlanksAndLineEndsForSeparators) {
    EXPECT_THAT(ParseAddressList("a@x.example, b@y.example"),
                ElementsAre("a@x.example", "b@y.example"));
    EXPECT_THAT(ParseAddressList("a@x.example,b@y.example,"),
                ElementsAre("a@x.example", "b@y.example"));
    EXPECT_THAT(ParseAddressList("a@x.example b@y.example\n\tc"),
                ElementsAre("a@x.example", "b@y.example", "c"));
}

TEST(ParseAddressListTest, ABlankBeforeAnAtSeparatesNothing) {
    EXPECT_THAT(ParseAddressList("x@a.example @b.example"), ElementsAre("x@a.example@b.example"));
    EXPECT_THAT(ParseAddressList("@a.example, @b.example"),
                ElementsAre("@a.example", "@b.example"));
}

TEST(ParseAddressListTest, KeepsQuotesThatAreNeeded) {
    EXPECT_THAT(ParseAddressList("\"a b\"@x.example, c\\ d@x.example"),
                ElementsAre("\"a b\"@x.example", "\"c d\"@x.example"));
    EXPECT_THAT(ParseAddressList("\"a\\\"b\"@x.example"), ElementsAre("\"a\\\"b\"@x.example"));
}

TEST(ParseAddressListTest, LeavesOutPhrasesCommentsAndGroupNames) {
    EXPECT_THAT(ParseAddressList("Joe User <joe@x.example>, (home) ann@x.example (work)"),
                ElementsAre("joe@x.example", "ann@x.example"));
    EXPECT_THAT(ParseAddressList("friends: joe@x.example, ann@x.example;, bob@x.example"),
                ElementsAre("joe@x.example", "ann@x.example", "bob@x.example"));
    EXPECT_THAT(ParseAddressList("<joe@x.example> <ann@x.example>"),
                ElementsAre("joe@x.example", "ann@x.example"));
}

TEST(ParseAddressListTest, KeepsLiteralsAndRoutes) {
    EXPECT_THAT(ParseAddressList("joe@[192.0.2.1], <@a,@b:joe@x.example>"),
                ElementsAre("joe@[192.0.2.1]", "@a,@b:joe@x.example"));
}

TEST(ParseAddressListTest, FindsNoneWhereThereIsNone) {
    for (const char* list : {"", " ", ",", " , ", "(only a comment)", ";"})
        EXPECT_THAT(ParseAddressList(list), IsEmpty()) << list;
}

TEST(ParseAddressListTest, DoesWithoutWhatIsCutOff) {
    EXPECT_THAT(ParseAddressList("\"a b"), ElementsAre("\"a b\""));
    EXPECT_THAT(ParseAddressList("a@[192.0.2.1"), ElementsAre("a@[192.0.2.1]"));
    EXPECT_THAT(ParseAddressList("(a"), IsEmpty());
    EXPECT_THAT(ParseAddressList("a\\"), ElementsAre("a"));
    EXPECT_THAT(ParseAddressList("joe@x.example>"), ElementsAre("joe@x.example"));
}

}  // namespace
}  // namespace policyd::mail
