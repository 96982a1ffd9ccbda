#include "common/protocol/request_parser.hpp"

#include <gtest/gtest.h>

namespace policyd::protocol {
namespace {

using Parsed = RequestParser::Parsed;

/// As Postfix 3.7 sends it.
const std::string kRequest =
    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
    "client_address=192.0.2.1\nclient_name=mx.example.net\nclient_port=40000\n"
    "reverse_client_name=mx.example.net\nserver_address=192.0.2.9\nserver_port=25\n"
    "helo_name=mx.example.net\nsender=a=b@example.net\nrecipient=sales@example.com\n"
    "recipient_count=0\nqueue_id=\ninstance=1f.65.0\nsize=12345\netrn_domain=\nstress=\n"
    "sasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\n"
    "ccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol=\nencryption_cipher=\n"
    "encryption_keysize=0\npolicy_context=mx\n\n";

TEST(RequestParserTest, TakesTheAttributesOfARequest) {
    RequestParser parser;
    ASSERT_EQ(parser.Parse(kRequest), Parsed::kComplete);
    EXPECT_EQ(parser.Length(), kRequest.size());
    EXPECT_EQ(parser.Request().stage, Stage::kRcpt);
    EXPECT_EQ(parser.Request().client_address, "192.0.2.1");
    EXPECT_EQ(parser.Request().recipient, "sales@example.com");
    EXPECT_EQ(parser.Request().instance, "1f.65.0");
    EXPECT_EQ(parser.Request().size, 12345u);
    EXPECT_EQ(parser.Request().policy_context, "mx");
}

TEST(RequestParserTest, SplitsAtTheFirstEqualsSignOnly) {
    RequestParser parser;
    ASSERT_EQ(parser.Parse(kRequest), Parsed::kComplete);
    EXPECT_EQ(parser.Request().sender, "a=b@example.net");
}

TEST(RequestParserTest, WaitsForTheEmptyLineHoweverTheBytesCome) {
    RequestParser parser;
    for (std::size_t length = 0; length < kRequest.size(); ++length)
        ASSERT_EQ(parser.Parse(std::string_view(kRequest).substr(0, length)), Parsed::kIncomplete);
    EXPECT_EQ(parser.Parse(kRequest), Parsed::kComplete);
}

TEST(RequestParserTest, FindsTheEmptyLineWhereverItIs) {
    RequestParser parser;
    for (std::size_t length = 0; length < 200; ++length) {
        const std::string sender(length, 'x');
        const std::string request = "request=smtpd_access_policy\nsender=" + sender + "\n\n";
        ASSERT_EQ(parser.Parse(request), Parsed::kComplete) << length;
        EXPECT_EQ(parser.Request().sender, sender);
    }
}

TEST(RequestParserTest, TakesAShortRequestAfterALongOneThatCameInParts) {
    RequestParser parser;
    ASSERT_EQ(parser.Parse(kRequest.substr(0, 400)), Parsed::kIncomplete);
    ASSERT_EQ(parser.Parse(kRequest), Parsed::kComplete);
    ASSERT_EQ(parser.Parse("request=smtpd_access_policy\nsender=b\n\n"), Parsed::kComplete);
    EXPECT_EQ(parser.Request().sender, "b");
}

TEST(RequestParserTest, KeepsNothingOfTheRequestBefore) {
    RequestParser parser;
    ASSERT_EQ(parser.Parse(kRequest), Parsed::kComplete);
    ASSERT_EQ(parser.Parse("request=smtpd_access_policy\n\n"), Parsed::kComplete);
    EXPECT_EQ(parser.Request().size, 0u);
    EXPECT_EQ(parser.Request().recipient, "");
    EXPECT_EQ(parser.Request().stage, Stage::kOther);
}

TEST(RequestParserTest, TakesTheFirstOfARepeatedAttribute) {
    RequestParser parser;
    ASSERT_EQ(parser.Parse("request=smtpd_access_policy\nsize=1\nsize=2\nsender=a\nsender=b\n\n"),
              Parsed::kComplete);
    EXPECT_EQ(parser.Request().size, 1u);
    EXPECT_EQ(parser.Request().sender, "a");
}

TEST(RequestParserTest, TakesOneRequestOfSeveral) {
    RequestParser parser;
    ASSERT_EQ(parser.Parse(kRequest + "request=smtp"), Parsed::kComplete);
    EXPECT_EQ(parser.Length(), kRequest.size());
}

TEST(RequestParserTest, RefusesWhatIsNoPolicyRequest) {
    const std::string malformed[] = {
        "\n",
        "\n\n",
        "request\n\n",
        "=x\n\n",
        "size=1\n\n",
        "request=junk\n\n",
        "request=smtpd_access_policy\nsize=ten\n\n",
        "request=smtpd_access_policy\nsize=99999999999999999999999\n\n",
        std::string("request=smtpd_access_policy\nsender=a\0b\n\n", 40),
        "request=smtpd_access_policy\nsender=" + std::string(kLongestValue + 1, 'x') + "\n\n",
        "request=smtpd_access_policy\n" + std::string(kLongestName + 1, 'n') + "=1\n\n",
    };
    for (const std::string& request : malformed) {
        RequestParser parser;
        EXPECT_EQ(parser.Parse(request), Parsed::kMalformed) << request.substr(0, 60);
        EXPECT_STRNE(parser.Problem(), "");
    }
}

TEST(RequestParserTest, TakesWhatIsJustNotTooLong) {
    RequestParser parser;
    std::string attributes = "request=smtpd_access_policy\n" + std::string(kLongestName, 'n') +
                             "=1\nsender=" + std::string(kLongestValue, 'x') + '\n';
    for (std::size_t i = 3; i < kMostAttributes; ++i) attributes += "a=1\n";
    EXPECT_EQ(parser.Parse(attributes + '\n'), Parsed::kComplete);

    attributes = "request=smtpd_access_policy\n";
    while (attributes.size() + kLongestValue < kLongestRequest)
        attributes += "a=" + std::string(kLongestValue / 2, 'x') + '\n';
    attributes += "a=" + std::string(kLongestRequest - attributes.size() - 4, 'x') + '\n';
    EXPECT_EQ(parser.Parse(attributes + '\n'), Parsed::kComplete);
    EXPECT_EQ(parser.Length(), kLongestRequest);
    attributes.insert(attributes.size() - 1, "x");
    EXPECT_EQ(parser.Parse(attributes + '\n'), Parsed::kMalformed);
}

TEST(RequestParserTest, RefusesEndlessRequests) {
    std::string attributes = "request=smtpd_access_policy\n";
    for (std::size_t i = 0; i < kMostAttributes; ++i) attributes += "a=1\n";
    RequestParser parser;
    EXPECT_EQ(parser.Parse(attributes + "\n"), Parsed::kMalformed);
    EXPECT_EQ(parser.Parse(std::string(kLongestRequest, 'x')), Parsed::kMalformed);
}

}  // namespace
}  // namespace policyd::protocol
