#include "loadtest/name_list.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "common/text/ascii.hpp"

namespace policyd::loadtest {

namespace {

constexpr std::uint64_t kDomains = 100;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
/// A popularity takes eight bytes for each.
constexpr std::uint64_t kMostNames = 1'000'000'000;
constexpr std::string_view kFile = "file:";
constexpr std::string_view kGenerated = "generated:";
constexpr std::uint64_t kBenchmarkNetwork = std::uint64_t{1} << 17;  // addresses of 198.18.0.0/15

std::vector<NameList::Line> ReadLines(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::vector<NameList::Line> lines;
    bool is_first = true;
    for (std::string line; std::getline(file, line);) {
        std::string_view text = line;
        if (is_first && text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
        is_first = false;
        text = text::Trim(text);
        if (text.empty() || text.front() == '#') continue;
        const std::size_t blank = std::min(text.find_first_of(" \t"), text.size());
        lines.push_back(
            {std::string(text.substr(0, blank)), std::string(text::Trim(text.substr(blank)))});
    }
    if (lines.empty()) throw std::runtime_error(path + " holds no names");
    return lines;
}

/// Of generated names.
std::optional<std::uint64_t> CountOf(std::string_view source) {
    if (!source.starts_with(kGenerated)) return std::nullopt;
    const auto count = text::ParseUnsigned(source.substr(kGenerated.size()));
    return count && *count > 0 && *count <= kMostNames ? count : std::nullopt;
}

template <typename... Args>
std::string Formatted(const char* format, Args... args) {
    char text[128];
    const int length = std::snprintf(text, sizeof text, format, args...);
    return std::string(text, static_cast<std::size_t>(length));
}

}  // namespace

std::string NameList::Name(std::uint64_t place) const {
    return pattern_ ? pattern_(place) : lines_[place].name;
}

std::string_view NameList::Rest(std::uint64_t place) const {
    return pattern_ ? std::string_view() : lines_[place].rest;
}

void CheckNameSource(std::string_view source) {
    if (source.starts_with(kFile) || CountOf(source)) return;
    throw std::invalid_argument("generated:N, with N up to " + std::to_string(kMostNames) +
                                ", or file:PATH");
}

NameList OpenNameList(std::string_view source, NameList::Pattern pattern) {
    CheckNameSource(source);
    if (const auto count = CountOf(source)) return NameList(*count, std::move(pattern));
    return NameList(ReadLines(std::string(source.substr(kFile.size()))));
}

std::string GeneratedRecipient(std::uint64_t place) {
    return Formatted("user%07llu@d%llu.load.example", static_cast<unsigned long long>(place),
                     static_cast<unsigned long long>(place % kDomains));
}

std::string GeneratedSender(std::uint64_t place) {
    return Formatted("sender%07llu@s%llu.origin.example", static_cast<unsigned long long>(place),
                     static_cast<unsigned long long>(place % kDomains));
}

std::string GeneratedClient(std::uint64_t place) {
    if (place < kBenchmarkNetwork) {
        const auto low = static_cast<unsigned>(place);
        return Formatted("198.%u.%u.%u", 18 + (low >> 16), (low >> 8) & 0xff, low & 0xff);
    }
    // Groups that are never zero nor begin with one: as inet_ntop() writes the address.
    const std::uint64_t rest = place - kBenchmarkNetwork;
    const auto group = [rest](unsigned shift) {
        return static_cast<unsigned>(((rest >> shift) & 0x7fff) + 1);
    };
    if (rest >> 45 == 0) return Formatted("2001:db8:%x:%x:%x::1", group(30), group(15), group(0));
    return Formatted("2001:db8:%x:%x:%x:%x:1:1", group(45), group(30), group(15), group(0));
}

std::string ClientName(std::string_view address) {
    std::string name = "client-" + std::string(address);
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == '.' || c == ':'; }, '-');
    return name + ".clients.example";
}

}  // namespace policyd::loadtest
