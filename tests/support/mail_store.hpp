#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

/// A mail store of a test's own, to deliver into and to disturb.
class MailStore {
public:
    MailStore();

    std::filesystem::path Root() const { return scratch_ / "mail"; }
    std::filesystem::path operator/(std::string_view path) const { return Root() / path; }

    /// Makes a Maildir (tmp, new, cur) at `path`: "example.org/ann", "example.org/ann/.Sent".
    void MakeMaildir(std::string_view path) const;
    /// Writes a file of that size below the root, as it is.
    void WriteFile(std::string_view path, std::size_t size) const;
    /// Delivers a message of that size as Postfix does, through tmp into new; makes the Maildir if
    /// need be. Returns the file's name, which tells its size if `with_size`.
    std::string Deliver(std::string_view maildir, std::size_t size, bool with_size = true);
    void Rename(std::string_view from, std::string_view to) const;
    void Remove(std::string_view path) const;

private:
    ScratchDirectory scratch_;
    unsigned delivered_ = 0;
};

}  // namespace policyd::test
