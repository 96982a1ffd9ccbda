#include "policyd/scanner/scanner_options.hpp"

namespace policyd::scanner {

std::string ScannerOptions::Fingerprint() const {
    return root + '\n' + layout + '\n' + rules.Fingerprint();
}

ScannerOptions OptionsFrom(const config::Settings& settings) {
    ScannerOptions options;
    options.root = settings.virtual_mailbox_base;
    options.layout = settings.mailbox_layout;
    options.rules.believe_names = settings.scan_size_source == "name";
    options.rules.skip_deleted = settings.scan_ignore_deleted;
    options.rules.ignored_folders = settings.scan_ignore_folders;
    options.threads = settings.scan_threads;
    options.rate_limit = settings.scan_rate_limit;
    options.most_vanished_percent = settings.scan_most_vanished_percent;
    options.grace = settings.reservation_grace;
    options.refresh_interval = settings.scan_refresh_interval;
    options.verify_interval = settings.scan_verify_interval;
    return options;
}

}  // namespace policyd::scanner
