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
    const std::string_view unique = UniquePart(name);
    const std::size_t field = unique.find(",S=");
    if (field == std::string_view::npos) return std::nullopt;
    std::string_view digits = unique.substr(field + 3);
    digits = digits.substr(0, digits.find(','));
    if (digits.empty() || digits.size() > kMostDigits) return std::nullopt;
    std::uint64_t size = 0;
    for (const char c : digits) {
        if (!text::IsDigit(c)) return std::nullopt;
        size = size * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return size;
}

bool IsMarkedDeleted(std::string_view name) {
    const std::size_t info = name.find(":2,");
    return info != std::string_view::npos && name.find('T', info + 3) != std::string_view::npos;
}

bool IsFolderName(std::string_view name) {
    return name.size() >= 2 && name.front() == '.' && name != ".." && name != "..DOVECOT-TRASHED";
}

}  // namespace policyd::mail
