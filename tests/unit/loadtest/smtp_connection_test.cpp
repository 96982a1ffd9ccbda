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
    const std::string headers = HeadersOf("a@example.org", "b@example.com", "1.2.3");
    EXPECT_TRUE(headers.ends_with("\r\n\r\n"));
    EXPECT_EQ(MessageOf(headers, headers.size()), headers + ".\r\n");
    for (std::size_t size = headers.size() + 2; size < headers.size() + 300; ++size) {
        const std::string message = MessageOf(headers, size);
        EXPECT_EQ(message.size(), size + 3);
        EXPECT_TRUE(message.starts_with(headers));
        EXPECT_EQ(message.find("\r\n.\r\n"), size - 2);
        EXPECT_EQ(message.find(std::string(71, 'x')), std::string::npos) << "a long line";
    }
}

}  // namespace
}  // namespace policyd::loadtest
