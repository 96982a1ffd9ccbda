#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace policyd::test {

/// A file of the source tree.
std::filesystem::path SourcePath(std::string_view name);

/// A file below the build directory.
std::filesystem::path BuildPath(std::string_view name);

/// A program of this build, or of the directory that the environment names in POLICYD_PROGRAMS:
/// "policyd".
std::string ProgramPath(std::string_view name);

}  // namespace policyd::test
