#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

/// A Dovecot of a test's own, without any protocol: doveadm's opinion on Maildirs. All its files
/// are in a scratch directory; it reads mail as an unprivileged user.
class DovecotInstance {
public:
    struct Quota {
        std::uint64_t bytes = 0;
        std::uint64_t messages = 0;
        bool operator==(const Quota&) const = default;
    };

    /// Serves the users' Maildirs at `mail_root`/<domain>/<user>. Waits until it answers.
    DovecotInstance(const std::filesystem::path& mail_root, const std::vector<std::string>& users);
    ~DovecotInstance();

    /// Gives the mail store to the user that Dovecot reads it as; after each change of the store.
    void TakeOver() const;

    /// `doveadm quota recalc`, then the figures that it wrote down, of the Maildir back end.
    /// Nothing for a user for whom the recalculation failed. Checks that `doveadm quota get`
    /// says the same, in the kibibytes that it prints.
    std::map<std::string, std::optional<Quota>> Recalculate() const;
    std::optional<Quota> Recalculate(const std::string& user) const;

    /// The version, "2.3.19.1".
    static std::string Version();

private:
    Finished Doveadm(std::vector<std::string> arguments) const;
    std::optional<Quota> WrittenDown(const std::string& user) const;
    std::filesystem::path ControlDirectory(const std::string& user) const;
    void ForgetFigures() const;

    ScratchDirectory scratch_;
    std::filesystem::path mail_root_;
    std::vector<std::string> users_;
    std::optional<Process> process_;
};

}  // namespace policyd::test
