#include "policyd/checks/refusal_line.hpp"

#include <gtest/gtest.h>

namespace policyd::checks {
namespace {

using protocol::PolicyRequest;
using protocol::Stage;

TEST(RefusalLineTest, NamesTheMailboxOfARecipientAndTheReason) {
    PolicyRequest request;
    request.stage = Stage::kRcpt;
    request.recipient = "team@example.com";
    EXPECT_EQ(
        RefusalLine(request, Verdict::Answer("552 Full", "mailbox_full"), {"ann@example.com"}),
        "no room: RCPT for team@example.com in ann@example.com: 552 Full (mailbox_full)");
}

TEST(RefusalLineTest, AtTheEndOfAMessageItNamesTheQueueFileAndAllMailboxesUpToTen) {
    PolicyRequest request;
    request.stage = Stage::kEndOfMessage;
    request.queue_id = "4F1";
    std::vector<std::string> full{"ann@example.com", "bob@example.com"};
    const Verdict verdict = Verdict::Answer("452 Full", "mailbox_full_for_now");
    EXPECT_EQ(RefusalLine(request, verdict, full),
              "no room: END-OF-MESSAGE of 4F1 in ann@example.com, bob@example.com: 452 Full "
              "(mailbox_full_for_now)");
    full.assign(12, "a");
    EXPECT_EQ(RefusalLine(request, verdict, full),
              "no room: END-OF-MESSAGE of 4F1 in a, a, a, a, a, a, a, a, a, a and 2 others: 452 "
              "Full (mailbox_full_for_now)");
}

TEST(RefusalLineTest, EscapesWhatComesFromOutside) {
    PolicyRequest request;
    request.stage = Stage::kRcpt;
    request.queue_id = "4F1\x1b";
    request.recipient = "\x1b@example.com";
    const std::string line =
        RefusalLine(request, Verdict::Answer("552 Full", "mailbox_full"), {"\x1b@example.com"});
    EXPECT_EQ(line.find('\x1b'), line.npos) << line;
}

}  // namespace
}  // namespace policyd::checks
