#include "common/config/table_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <system_error>

#include "common/config/values.hpp"

namespace policyd::config {
namespace {

/// Another type is refused for that, whether the file is there or not.
constexpr std::string_view kTypesWithFiles[] = {"mysql",    "sqlite", "hash",   "btree",
                                                "lmdb",     "cdb",    "dbm",    "sdbm",
                                                "texthash", "cidr",   "regexp", "pcre"};

/// The path in `proxy:mysql:/path`; empty for what names no file.
std::string FileOf(std::string_view element) {
    if (element.starts_with("proxy:")) element.remove_prefix(6);
    const std::size_t colon = element.find(':');
    if (colon == std::string_view::npos || !element.substr(colon + 1).starts_with('/') ||
        std::find(std::begin(kTypesWithFiles), std::end(kTypesWithFiles),
                  element.substr(0, colon)) == std::end(kTypesWithFiles))
        return "";
    return std::string(element.substr(colon + 1));
}

std::string FileMeantBy(const std::filesystem::path& path) {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(path.parent_path(), none))
        names.push_back(entry.path().filename().string());
    const std::string wanted = path.filename().string();
    const std::string meant(ClosestTo(wanted, {names.begin(), names.end()}));
    return meant.empty() ? "" : " (did you mean " + (path.parent_path() / meant).string() + "?)";
}

/// The errno of reading it, 0 if it can be read. access(2) would not know of capabilities, by which
/// policyd-scan reads.
int WhyUnreadable(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return errno;
    close(file);
    return 0;
}

}  // namespace

std::vector<std::string> ProblemsOfTableFiles(const Strings& lists) {
    std::vector<std::string> problems;
    for (const std::string& list : lists) {
        for (const std::string& element : ParseList(list)) {
            const std::string path = FileOf(element);
            const int reason = path.empty() ? 0 : WhyUnreadable(path);
            // A $name that another mistake keeps from being expanded.
            if (reason == 0 || path.find('$') != path.npos) continue;
            // That says nothing of the file.
            if (reason == EMFILE || reason == ENFILE || reason == ENOMEM)
                throw std::system_error(reason, std::generic_category(), path);
            problems.push_back(path + ": " + std::strerror(reason) +
                               (reason == ENOENT ? FileMeantBy(path) : ""));
        }
    }
    return problems;
}

}  // namespace policyd::config
