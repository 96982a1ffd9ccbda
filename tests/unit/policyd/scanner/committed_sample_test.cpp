#include "policyd/scanner/committed_sample.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace policyd::scanner {
namespace {

KnownMailbox CommittedAt(StoreTime time, bool has_unknown_parts = false) {
    MailboxRecord record;
    record.folders.resize(1);
    record.folders[0].seen.is_unknown = has_unknown_parts;
    KnownMailbox mailbox;
    mailbox.record = std::make_shared<const MailboxRecord>(record);
    mailbox.committed_at = time;
    return mailbox;
}

TEST(CommittedSampleTest, HasNoneOfWhichTheStoreMayKnowBetterThanItWasTold) {
    ScanState state;
    state.mailboxes["d/whole"] = CommittedAt(1);
    state.mailboxes["d/unknown"] = CommittedAt(2, true);
    state.mailboxes["d/never"] = CommittedAt(0);
    const std::vector<CommittedMailbox> sample = SampleOfCommitted(state, 0, 1);
    ASSERT_FALSE(sample.empty());
    for (const CommittedMailbox& committed : sample) EXPECT_EQ(committed.path, "d/whole");
}

}  // namespace
}  // namespace policyd::scanner
