#include <stdexcept>

#include "common/mail/mailbox_layout.hpp"
#include "tests/fuzz/targets.hpp"

namespace policyd::fuzz {

/// The first line is the pattern, the rest an address, a directory and a path.
void RunMailboxLayout(std::string_view bytes) {
    const std::string_view pattern = bytes.substr(0, bytes.find('\n'));
    const std::string_view name = bytes.substr(std::min(pattern.size() + 1, bytes.size()));
    if (const auto directory = mail::DirectoryWithinBase(name)) {
        const std::string path = '/' + *directory + '/';
        Require(path.find("/../") == std::string::npos, "a directory stays within the base");
    }
    try {
        const mail::MailboxLayout layout(pattern);
        if (const auto directory = layout.DirectoryOf(name)) {
            const std::string path = '/' + *directory + '/';
            Require(path.find("/../") == std::string::npos, "a mailbox stays within the base");
        }
    } catch (const std::invalid_argument&) {
    }
    static const mail::MailboxLayout usual("%d/%u");
    if (const auto directory = usual.DirectoryOf(name))
        if (const auto address = usual.AddressOf(*directory))
            Require(*address == name, "a directory leads back to its address");
}

}  // namespace policyd::fuzz
