#include "loadtest/policy_attributes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "common/protocol/request_parser.hpp"

namespace policyd::loadtest {
namespace {

PolicyAttributes EndOfMessage() {
    PolicyAttributes attributes;
    attributes.stage = "END-OF-MESSAGE";
    attributes.client_address = "192.0.2.1";
    attributes.client_name = "mx.example.org";
    attributes.client_port = 40000;
    attributes.helo_name = "helo.example.org";
    attributes.sender = "a=b@example.org";
    attributes.recipient = "info@example.com";
    attributes.recipient_count = 1;
    attributes.queue_id = "8045F2AB23";
    attributes.instance = "123.456.7";
    attributes.size = 12345;
    return attributes;
}

TEST(WriteRequestTest, IsReadAsItWasMeant) {
    std::string request = "left over";
    WriteRequest(EndOfMessage(), request);
    protocol::RequestParser parser;
    ASSERT_EQ(parser.Parse(request), protocol::RequestParser::Parsed::kComplete);
    EXPECT_EQ(parser.Length(), request.size());
    const protocol::PolicyRequest& read = parser.Request();
    EXPECT_EQ(read.stage, protocol::Stage::kEndOfMessage);
    EXPECT_EQ(read.client_address, "192.0.2.1");
    EXPECT_EQ(read.client_name, "mx.example.org");
    EXPECT_EQ(read.helo_name, "helo.example.org");
    EXPECT_EQ(read.sender, "a=b@example.org");
    EXPECT_EQ(read.recipient, "info@example.com");
    EXPECT_EQ(read.recipient_count, 1U);
    EXPECT_EQ(read.queue_id, "8045F2AB23");
    EXPECT_EQ(read.instance, "123.456.7");
    EXPECT_EQ(read.size, 12345U);
}

TEST(WriteRequestTest, HasAllAttributesOfPostfix37InItsOrder) {
    std::string request;
    WriteRequest(EndOfMessage(), request);
    std::vector<std::string> names;
    std::istringstream lines(request);
    for (std::string line; std::getline(lines, line);)
        if (!line.empty()) names.push_back(line.substr(0, line.find('=')));
    EXPECT_THAT(names, testing::ElementsAre(
                           "request", "protocol_state", "protocol_name", "client_address",
                           "client_name", "client_port", "reverse_client_name", "server_address",
                           "server_port", "helo_name", "sender", "recipient", "recipient_count",
                           "queue_id", "instance", "size", "etrn_domain", "stress", "sasl_method",
                           "sasl_username", "sasl_sender", "ccert_subject", "ccert_issuer",
                           "ccert_fingerprint", "ccert_pubkey_fingerprint", "encryption_protocol",
                           "encryption_cipher", "encryption_keysize", "policy_context"));
}

}  // namespace
}  // namespace policyd::loadtest
