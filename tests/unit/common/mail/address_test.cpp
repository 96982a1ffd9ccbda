#include "common/mail/address.hpp"

#include <gtest/gtest.h>

namespace policyd::mail {
namespace {

struct FormsCase {
    const char* name;
    const char* internal;
    const char* external;
};

const FormsCase kFormsCases[] = {
    {"Plain", "joe@example.com", "joe@example.com"},
    {"DotString", "joe.x+y@example.com", "joe.x+y@example.com"},
    {"Blank", "a b@example.com", "\"a b\"@example.com"},
    {"QuoteAndBackslash", "a\"\\b@example.com", "\"a\\\"\\\\b\"@example.com"},
    {"EmptyLocalPart", "@example.com", "\"\"@example.com"},
    {"AtInTheLocalPart", "a@b@example.com", "\"a@b\"@example.com"},
    {"DotsOutOfPlace", ".a@example.com", "\".a\"@example.com"},
    {"TwoDots", "a..b@example.com", "\"a..b\"@example.com"},
    {"DotAtTheEnd", "a.@example.com", "\"a.\"@example.com"},
    {"RoutingIsNotSpecial", "a%b!c@example.com", "a%b!c@example.com"},
    {"Utf8NeedsNoQuotes", "jos\xc3\xa9@example.com", "jos\xc3\xa9@example.com"},
    {"ControlCharacter", "a\tb@example.com", "\"a\tb\"@example.com"},
    {"NoDomain", "a b", "\"a b\""},
    {"Nothing", "", "\"\""},
    {"SourceRouteStays", "@a,@b:x y@example.com", "@a,@b:\"x y\"@example.com"},
    {"DomainIsNotQuoted", "a@b c", "a@b c"},
};

class AddressFormsTest : public testing::TestWithParam<FormsCase> {};

TEST_P(AddressFormsTest, QuotesWhatNeedsQuotes) {
    EXPECT_EQ(Quoted(GetParam().internal), GetParam().external);
}

TEST_P(AddressFormsTest, Unquotes) {
    EXPECT_EQ(Unquoted(GetParam().external), GetParam().internal);
}

INSTANTIATE_TEST_SUITE_P(Forms, AddressFormsTest, testing::ValuesIn(kFormsCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(UnquotedTest, TakesQuotesAndBackslashesOffWhatIsBeforeTheLastBareAt) {
    EXPECT_EQ(Unquoted("\"a\"b@example.com"), "ab@example.com");
    EXPECT_EQ(Unquoted("a\\b@example.com"), "ab@example.com");
    EXPECT_EQ(Unquoted("a\\"), "a");
    EXPECT_EQ(Unquoted("a@\"b\""), "a@\"b\"");
    EXPECT_EQ(Unquoted("\"a@b\""), "a@b");
}

TEST(QuotedLocalPartTest, TreatsAnAtAsPartOfIt) {
    EXPECT_EQ(QuotedLocalPart("a@b"), "\"a@b\"");
    EXPECT_EQ(QuotedLocalPart("a.b"), "a.b");
}

TEST(AddressPartsTest, AreSplitAtTheLastAt) {
    EXPECT_EQ(LocalPart("a@b@c"), "a@b");
    EXPECT_EQ(Domain("a@b@c"), "c");
    EXPECT_EQ(LocalPart("a"), "a");
    EXPECT_EQ(Domain("a"), std::nullopt);
    EXPECT_EQ(Domain("a@"), "");
}

struct ExtensionCase {
    const char* name;
    const char* address;
    const char* delimiters;
    const char* bare;  ///< null: no extension
    const char* extension;
};

const ExtensionCase kExtensionCases[] = {
    {"Plus", "joe+box@example.com", "+", "joe@example.com", "+box"},
    {"FirstOfSeveral", "joe-a+b@example.com", "+-", "joe@example.com", "-a+b"},
    {"EmptyExtension", "joe+@example.com", "+", "joe@example.com", "+"},
    {"NoDelimiters", "joe+box@example.com", "", nullptr, ""},
    {"NotInTheAddress", "joe@example.com", "+", nullptr, ""},
    {"OnlyInTheDomain", "joe@exa-mple.com", "-", nullptr, ""},
    {"UserPartWouldBeEmpty", "+box@example.com", "+", nullptr, ""},
    {"NoDomain", "joe+box", "+", "joe", "+box"},
    {"Postmaster", "postmaster@example.com", "t", nullptr, ""},
    {"MailerDaemon", "MAILER-DAEMON@example.com", "-", nullptr, ""},
    {"DoubleBounce", "double-bounce@example.com", "-", nullptr, ""},
    {"OwnerWithMinus", "Owner-list@example.com", "-", nullptr, ""},
    {"RequestWithMinus", "list-x-request@example.com", "-", nullptr, ""},
    {"RequestAlone", "-request@example.com", "-", nullptr, ""},
    {"OwnerWithPlus", "owner-list+x@example.com", "+", "owner-list@example.com", "+x"},
    {"OwnerWhereMinusIsOneOfSeveral", "owner-list+x@example.com", "+-", nullptr, ""},
};

class SplitExtensionTest : public testing::TestWithParam<ExtensionCase> {};

TEST_P(SplitExtensionTest, SplitsAsPostfixDoes) {
    const auto split = SplitExtension(GetParam().address, {GetParam().delimiters});
    ASSERT_EQ(split.has_value(), GetParam().bare != nullptr);
    if (!split) return;
    EXPECT_EQ(split->bare, GetParam().bare);
    EXPECT_EQ(split->extension, GetParam().extension);
}

TEST(SplitExtensionRulesTest, SayWhichNamesAreReserved) {
    const ExtensionRules rules{"-", false, "bounce-x"};
    EXPECT_EQ(SplitExtension("owner-list@example.com", rules)->bare, "owner@example.com");
    EXPECT_EQ(SplitExtension("list-request@example.com", rules)->bare, "list@example.com");
    EXPECT_EQ(SplitExtension("double-bounce@example.com", rules)->bare, "double@example.com");
    EXPECT_FALSE(SplitExtension("Bounce-X@example.com", rules));
}

INSTANTIATE_TEST_SUITE_P(Extensions, SplitExtensionTest, testing::ValuesIn(kExtensionCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(IsPlainTest, SaysNoWhereThereCouldBeSomethingToRewrite) {
    EXPECT_TRUE(IsPlain("joe.x+y_z=1@mail.example-1.com"));
    for (const char* address :
         {"", "joe", "joe@", "@example.com", "joe@example", "joe@example.com.", "joe@.example.com",
          ".joe@example.com", "joe.@example.com", "j..e@example.com", "j@e@example.com",
          "j%e@example.com", "j!e@example.com", "j e@example.com", "jos\xc3\xa9@example.com",
          "joe@[192.0.2.1]", "joe@exa mple.com", "\"joe\"@example.com"})
        EXPECT_FALSE(IsPlain(address)) << address;
}

}  // namespace
}  // namespace policyd::mail
