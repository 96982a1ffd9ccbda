#include "common/usage/usage_store.hpp"

namespace policyd::usage {

std::string_view DomainOf(std::string_view mailbox) {
    const std::size_t at = mailbox.rfind('@');
    return mailbox.substr(at == std::string_view::npos ? mailbox.size() : at + 1);
}

async::Task<MendedDomains> UsageStore::MendDomains() {
    co_return MendedDomains();
}

}  // namespace policyd::usage
