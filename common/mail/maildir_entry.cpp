#include "common/mail/maildir_entry.hpp"

#include "common/text/ascii.hpp"

namespace policyd::mail {

namespace {

constexpr std::size_t kMostDigits = 18;  // the largest such number fits in 63 bits

}  // namespace

bool IsMessageName(std::string_view name) {
    return !name.empty() && name.front() != '.';
}

std::string_view UniquePart(std::string_view name) {
    return name.substr(0, name.find(':'));
}

std::optional<std::uint64_t> SizeInName(std::string_view name) {
    const std::size_t field = name.find(",S=");
    if (field == std::string_view::npos) return std::nullopt;
    if (name.substr(0, field).find(':') != std::string_view::npos) return std::nullopt;
    const std::string_view rest = name.substr(field + 3);
    std::uint64_t size = 0;
    std::size_t digits = 0;
    for (; digits < rest.size() && text::IsDigit(rest[digits]); ++digits)
        size = size * 10 + static_cast<std::uint64_t>(rest[digits] - '0');
    if (digits == 0 || digits > kMostDigits) return std::nullopt;
    const bool is_ended = digits == rest.size() || rest[digits] == ',' || rest[digits] == ':';
    return is_ended ? std::optional(size) : std::nullopt;
}

bool IsMarkedDeleted(std::string_view name) {
    const std::size_t info = name.find(":2,");
    return info != std::string_view::npos && name.find('T', info + 3) != std::string_view::npos;
}

bool IsFolderName(std::string_view name) {
    return name.size() >= 2 && name.front() == '.' && name != ".." && name != "..DOVECOT-TRASHED";
}

}  // namespace policyd::mail
