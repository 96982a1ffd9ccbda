// Dovecot's figures in Redis, as the real Dovecot writes them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/async/event_loop.hpp"
#include "common/usage/dovecot_quota_clone.hpp"
#include "tests/support/process.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::usage {
namespace {

using test::Finished;

/// What doveadm needs of a Dovecot that stores mail and clones its quota; no daemon runs.
class Dovecot {
public:
    Dovecot(int redis_port, const std::string& prefix) {
        const std::string directory = directory_.Path();
        mail_ = directory_ / "mail";
        std::filesystem::create_directory(mail_);
        std::filesystem::permissions(mail_, std::filesystem::perms::all);
        configuration_ = directory_.Write(
            "dovecot.conf",
            "base_dir = " + directory + "/run\nstate_dir = " + directory +
                "/run\nlog_path = /dev/stderr\nssl = no\nprotocols =\n"
                "mail_uid = mail\nmail_gid = mail\nfirst_valid_uid = 1\n"
                "mail_location = maildir:" +
                mail_.string() + "/%d/%n\nmail_home = " + mail_.string() +
                "/%d/%n\nmail_plugins = quota quota_clone\n"
                "plugin {\n  quota = maildir:User quota\n  quota_rule = *:storage=10M\n"
                "  quota_clone_dict = redis:host=127.0.0.1:port=" +
                std::to_string(redis_port) + ":prefix=" + prefix + "\n}\n");
    }

    void Save(const std::string& user, const std::string& message) {
        const Finished saved = test::Run(Doveadm({"save", "-m", "INBOX"}, user), message);
        ASSERT_EQ(saved.status, 0) << saved.errors;
    }

    void DeleteAll(const std::string& user) {
        const Finished deleted = test::Run(Doveadm({"expunge", "mailbox", "INBOX", "all"}, user));
        ASSERT_EQ(deleted.status, 0) << deleted.errors;
    }

private:
    std::vector<std::string> Doveadm(const std::vector<std::string>& words,
                                     const std::string& user) const {
        std::vector<std::string> command{"env", "USER=" + user, "doveadm", "-c", configuration_};
        command.insert(command.end(), words.begin(), words.end());
        return command;
    }

    test::ScratchDirectory directory_;
    std::filesystem::path mail_;
    std::string configuration_;
};

class DovecotQuotaCloneTest : public testing::Test {
protected:
    std::vector<Measurement> ReadAll(const std::string& prefix) {
        redis::ClientSettings settings;
        settings.endpoint = server_.TcpEndpoint();
        settings.time_limit = std::chrono::seconds(5);
        DovecotQuotaClone clone(loop_.Raw(), settings, prefix);
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

    const std::vector<Measurement> measurements = ReadAll("quota[1]/");
    EXPECT_THAT(measurements, testing::ElementsAre(Measures("ann@example.com", 42, 2),
                                                   Measures("bob@example.com", 0, 0)));
    EXPECT_EQ(measurements.at(0).began, kBegan);
}

TEST_F(DovecotQuotaCloneTest, LeavesOutWhatIsNoFigure) {
    server_.Command({"MSET", "q/ann/quota/storage", "100", "q/bob/quota/storage", "x",
                     "q/bob/quota/messages", "1", "q/eve/quota/storage", "7",
                     "q/eve/quota/messages", "2"});
    EXPECT_THAT(ReadAll("q/"), testing::ElementsAre(Measures("eve", 7, 2)));
}

}  // namespace
}  // namespace policyd::usage
