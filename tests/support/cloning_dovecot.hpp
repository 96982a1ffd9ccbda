#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

/// A Dovecot that keeps its users' figures in Redis by its plugin quota_clone, used through
/// doveadm: no daemon runs.
class CloningDovecot {
public:
    CloningDovecot(int redis_port, const std::string& prefix) {
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
        const Finished saved = Run(Doveadm({"save", "-m", "INBOX"}, user), message);
        ASSERT_EQ(saved.status, 0) << saved.errors;
    }

    void DeleteAll(const std::string& user) {
        const Finished deleted = Run(Doveadm({"expunge", "mailbox", "INBOX", "all"}, user));
        ASSERT_EQ(deleted.status, 0) << deleted.errors;
    }

private:
    std::vector<std::string> Doveadm(const std::vector<std::string>& words,
                                     const std::string& user) const {
        std::vector<std::string> command{"env", "USER=" + user, "doveadm", "-c", configuration_};
        command.insert(command.end(), words.begin(), words.end());
        return command;
    }

    ScratchDirectory directory_;
    std::filesystem::path mail_;
    std::string configuration_;
};

}  // namespace policyd::test
