#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace policyd::test {

/// A new directory below the system's temporary one, gone with everything in it at the end. Its
/// path is short enough for UNIX sockets, and it may be entered (not listed) by other users, as
/// servers that change their user need.
class ScratchDirectory {
public:
    ScratchDirectory();
    ~ScratchDirectory();
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;

    const std::filesystem::path& Path() const { return path_; }
    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

    /// Writes a file, making its parent directories; returns its path.
    std::filesystem::path Write(std::string_view name, std::string_view content) const;

private:
    std::filesystem::path path_;
};

std::string ReadFile(const std::filesystem::path& path);

}  // namespace policyd::test
