#include "policyd/scanner/counting_rules.hpp"

#include <fnmatch.h>

#include <algorithm>

namespace policyd::scanner {

namespace {

/// As patterns of folders know * and ? alone: an import from Gmail has folders named [Gmail].
std::string WithoutSets(const std::string& pattern) {
    std::string plain;
    for (const char c : pattern) plain += c == '[' ? "[[]" : std::string(1, c);
    return plain;
}

/// To be raised whenever the same options come to count differently.
constexpr std::string_view kRulesVersion = "2";

}  // namespace

bool CountingRules::Ignores(std::string_view name) const {
    if (ignored_folders.empty() || name.empty()) return false;
    const std::string without_dot(name.substr(1));
    return std::any_of(
        ignored_folders.begin(), ignored_folders.end(), [&](const std::string& pattern) {
            return fnmatch(WithoutSets(pattern).c_str(), without_dot.c_str(), FNM_NOESCAPE) == 0;
        });
}

std::string CountingRules::Fingerprint() const {
    std::string text(kRulesVersion);
    text += believe_names ? " name" : " stat";
    text += skip_deleted ? " undeleted" : " all";
    for (const std::string& pattern : ignored_folders) text += '\n' + pattern;
    return text;
}

}  // namespace policyd::scanner
