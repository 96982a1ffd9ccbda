#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include "common/async/event_loop.hpp"
#include "common/config/settings.hpp"
#include "policyd/services/services.hpp"

namespace policyd::bench {

/// A mail system with so many mailboxes, in text tables below a directory that is gone at the end,
/// and everything that decides for it.
class Site {
public:
    explicit Site(std::size_t mailboxes);
    ~Site();
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    async::EventLoop& Loop() noexcept { return loop_; }
    services::Services& Services() noexcept { return *services_; }
    std::size_t Mailboxes() const noexcept { return mailboxes_; }

    /// The address of the mailbox at this place.
    static std::string Address(std::size_t place);
    /// A file of this many different networks for a cidr: table.
    std::filesystem::path WriteNetworks(std::size_t networks) const;
    /// A file of this many keys for a texthash: table.
    std::filesystem::path WriteKeys(std::size_t keys) const;

private:
    config::Settings WriteSettings() const;

    std::size_t mailboxes_;
    std::filesystem::path directory_;
    async::EventLoop loop_;
    services::SharedState shared_;
    std::unique_ptr<services::Services> services_;
};

/// The request about this mailbox as Postfix 3.7 would send it, at RCPT.
std::string RequestFor(const std::string& recipient);

}  // namespace policyd::bench
