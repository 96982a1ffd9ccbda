#include "loadtest/smtp_connection.hpp"

#include <gtest/gtest.h>

#include "loadtest/smtp_client.hpp"

namespace policyd::loadtest {
namespace {

TEST(TakeSmtpReplyTest, TakesRepliesOfOneLineAndOfSeveral) {
    std::string received =
        "220 mx ESMTP\r\n250-mx\r\n250-SIZE 1000\r\n250 XCLIENT ADDR\r\n354\r\n2";
    std::optional<SmtpReply> reply = TakeSmtpReply(received);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->code, 220);
    EXPECT_EQ(reply->text, "mx ESMTP");
    reply = TakeSmtpReply(received);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->code, 250);
    EXPECT_EQ(reply->text, "mx\nSIZE 1000\nXCLIENT ADDR");
    reply = TakeSmtpReply(received);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->code, 354);
    EXPECT_EQ(received, "2");
}

TEST(TakeSmtpReplyTest, WaitsForTheLastLine) {
    const std::string whole = "250-one\r\n250 two\r\n";
    for (std::size_t size = 0; size < whole.size(); ++size) {
        std::string received = whole.substr(0, size);
        EXPECT_EQ(TakeSmtpReply(received), std::nullopt);
        EXPECT_EQ(received.size(), size);
    }
}

TEST(TakeSmtpReplyTest, RefusesWhatIsNoReply) {
    for (std::string received :
         {"hello\r\n", "25 x\r\n", "250_x\r\n", "650 x\r\n", "\r\n", "250-one\r\n451 two\r\n"})
        EXPECT_THROW(TakeSmtpReply(received), MalformedReply) << received;
}

TEST(MessageOfTest, HasTheSizeAskedForAndEndsWithADot) {
    for (const std::uint64_t size : {1000U, 1001U, 1002U, 99'999U}) {
        const std::string message = MessageOf("a@example.org", "b@example.com", "1.2.3", size);
        EXPECT_TRUE(message.ends_with("x\r\n.\r\n") || message.ends_with("\r\n\r\n.\r\n"));
        EXPECT_NEAR(static_cast<double>(message.size() - 3), static_cast<double>(size), 1);
        EXPECT_NE(message.find("\r\n\r\n"), std::string::npos);
        EXPECT_EQ(message.find("\r\n.\r\n"), message.size() - 5);
    }
}

}  // namespace
}  // namespace policyd::loadtest
