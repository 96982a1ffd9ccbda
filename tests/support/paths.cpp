#include "tests/support/paths.hpp"

namespace policyd::test {

std::filesystem::path SourcePath(std::string_view name) {
    return std::filesystem::path(POLICYD_SOURCE_DIR) / name;
}

std::filesystem::path BuildPath(std::string_view name) {
    return std::filesystem::path(POLICYD_BUILD_DIR) / name;
}

std::string ProgramPath(std::string_view name) {
    return BuildPath(std::string("bin/").append(name)).string();
}

}  // namespace policyd::test
