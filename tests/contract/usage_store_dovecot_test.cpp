// Dovecot's figures in Redis, as the real Dovecot writes them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/async/event_loop.hpp"
#include "common/usage/dovecot_quota_clone.hpp"
#include "tests/support/cloning_dovecot.hpp"
#include "tests/support/redis_server.hpp"

namespace policyd::usage {
namespace {

using Dovecot = test::CloningDovecot;

class DovecotQuotaCloneTest : public testing::Test {
protected:
    DovecotFigures ReadAll(const std::string& prefix) {
        redis::ClientSettings settings;
        settings.endpoint = server_.TcpEndpoint();
        settings.time_limit = std::chrono::seconds(5);
        DovecotQuotaClone clone(loop_, settings, prefix);
        return loop_.RunUntilDone(clone.ReadAll(kBegan));
    }

    static constexpr text::WallTime kBegan{std::chrono::milliseconds(1'800'000'000'000)};

    async::EventLoop loop_;
    test::RedisServer server_;
};

MATCHER_P3(Measures, mailbox, bytes, messages, "") {
    *result_listener << arg.mailbox << ' ' << arg.bytes << ' ' << arg.messages;
    return arg.mailbox == mailbox && arg.bytes == static_cast<std::uint64_t>(bytes) &&
           arg.messages == static_cast<std::uint64_t>(messages);
}

TEST_F(DovecotQuotaCloneTest, ReadsWhatDovecotWrites) {
    Dovecot dovecot(server_.TcpEndpoint().port, "quota[1]/");
    dovecot.Save("ann@example.com", "Subject: x\n\nhello\n");
    dovecot.Save("ann@example.com", "Subject: y\n\nhello again\n");
    dovecot.Save("bob@example.com", "Subject: z\n\nhello\n");
    dovecot.DeleteAll("bob@example.com");
    server_.Command({"SET", "other/eve@example.com/quota/storage", "1"});

    const std::vector<Measurement> measurements = ReadAll("quota[1]/").measurements;
    EXPECT_THAT(measurements, testing::ElementsAre(Measures("ann@example.com", 42, 2),
                                                   Measures("bob@example.com", 0, 0)));
    EXPECT_EQ(measurements.at(0).began, kBegan);
}

TEST_F(DovecotQuotaCloneTest, TellsWhatIsNoFigureApart) {
    server_.Command({"MSET", "q/ann/quota/storage", "100", "q/bob/quota/storage", "x",
                     "q/bob/quota/messages", "1", "q/eve/quota/storage", "7",
                     "q/eve/quota/messages", "2"});
    const DovecotFigures figures = ReadAll("q/");
    EXPECT_THAT(figures.measurements, testing::ElementsAre(Measures("eve", 7, 2)));
    EXPECT_THAT(figures.unreadable, testing::ElementsAre("ann", "bob"));
}

TEST_F(DovecotQuotaCloneTest, TakesWhatIsLessThanNothingForNothing) {
    server_.Command({"MSET", "q/ann/quota/storage", "-5", "q/ann/quota/messages", "-1"});
    EXPECT_THAT(ReadAll("q/").measurements, testing::ElementsAre(Measures("ann", 0, 0)));
}

}  // namespace
}  // namespace policyd::usage
