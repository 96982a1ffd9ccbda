#include "common/mail/maildir_entry.hpp"
#include "tests/fuzz/targets.hpp"

namespace policyd::fuzz {

void RunMaildirName(std::string_view bytes) {
    mail::IsMessageName(bytes);
    mail::IsMarkedDeleted(bytes);
    mail::IsFolderName(bytes);
    Require(bytes.starts_with(mail::UniquePart(bytes)), "the unique part comes first");
    if (const auto size = mail::SizeInName(bytes))
        Require(*size < 1'000'000'000'000'000'000u, "a size has eighteen digits at most");
}

}  // namespace policyd::fuzz
