#include "tests/support/paths.hpp"

#include <cstdlib>

namespace policyd::test {

std::filesystem::path SourcePath(std::string_view name) {
    return std::filesystem::path(POLICYD_SOURCE_DIR) / name;
}

std::filesystem::path BuildPath(std::string_view name) {
    return std::filesystem::path(POLICYD_BUILD_DIR) / name;
}

std::string ProgramPath(std::string_view name) {
    const char* const elsewhere = std::getenv("POLICYD_PROGRAMS");
    const std::filesystem::path programs = elsewhere != nullptr ? elsewhere : BuildPath("bin");
    return (programs / name).string();
}

}  // namespace policyd::test
