#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "common/config/settings.hpp"
#include "policyd/scanner/counting_rules.hpp"
#include "policyd/scanner/publisher.hpp"

namespace policyd::scanner {

/// What a scanner does, from the settings and the command line.
struct ScannerOptions {
    std::string root;
    std::string layout = "%d/%u";
    CountingRules rules;
    std::size_t threads = 8;
    std::uint64_t rate_limit = 0;
    std::uint64_t most_vanished_percent = 5;
    /// The operator's word that mailboxes which are gone are meant to be.
    bool accept_removals = false;
    std::chrono::milliseconds grace{300'000};
    std::chrono::milliseconds refresh_interval{600'000};
    std::chrono::milliseconds verify_interval{86'400'000};  ///< 0: only on demand
    Patience patience = Patience::kShort;
    FileClock clock = &CoarseFileClock;

    /// What remembered figures depend on.
    std::string Fingerprint() const;
};

ScannerOptions OptionsFrom(const config::Settings& settings);

}  // namespace policyd::scanner
