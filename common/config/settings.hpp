#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace policyd::config {

using Strings = std::vector<std::string>;

/// Every option, with the value that holds when the configuration is silent. What an option means
/// to the administrator is said once, in options.cpp.
struct Settings {
    // The service
    Strings listen{"inet:127.0.0.1:10031"};
    std::string unix_socket_mode = "0660";
    std::string unix_socket_group;
    std::string user;
    std::uint64_t workers = 1;
    std::uint64_t max_connections = 10'000;
    std::chrono::milliseconds request_time_limit{2'000};
    std::chrono::milliseconds receive_time_limit{30'000};
    std::chrono::milliseconds send_time_limit{10'000};
    std::chrono::milliseconds idle_time_limit{1'015'000};
    std::string metrics_listen;
    std::string control_socket;
    std::string log_destination = "stderr";
    std::string log_level = "info";

    // The checks
    Strings checks{"client_access", "recipient", "mailbox_quota"};
    Strings client_access_maps;
    std::string client_access_default = "DUNNO";
    bool client_access_permit_sasl_authenticated = false;
    bool refuse_alias_to_nobody = false;
    std::string unknown_recipient_action = "550 5.1.1 User unknown";
    std::string mailbox_full_action = "552 5.2.2 Mailbox is full";
    Strings dry_run;
    std::string table_failure_action = "DEFER_IF_PERMIT 4.3.0 Temporary lookup failure";
    std::string usage_store_failure_action = "DUNNO";
    std::string client_access_failure_action;
    std::string recipient_failure_action;
    std::string mailbox_quota_failure_action;

    // The quota
    bool quota_reservations = true;
    std::string full_target_refuses = "all";
    std::string full_at_end_of_message = "accept";
    std::string mailbox_full_defer_action = "452 4.2.2 Mailbox is full";
    std::chrono::milliseconds mailbox_full_soft_time{0};
    std::string undeclared_size = "0";
    std::string delivery_overhead = "estimate";
    std::uint64_t quota_grace_percent = 0;
    std::uint64_t quota_grace = 0;
    std::chrono::milliseconds usage_max_age{0};
    std::string stale_usage = "ignore";
    Strings quota_exempt_recipients{"postmaster@", "abuse@"};
    Strings quota_exempt_senders;
    Strings quota_exempt_clients;
    Strings quota_warnings;
    std::uint64_t quota_warning_hysteresis = 5;
    std::string quota_warning_command;
    std::chrono::milliseconds quota_warning_command_time_limit{30'000};
    std::chrono::milliseconds quota_warning_command_pause{1'000};

    // The mail system, as Postfix's main.cf has it
    std::string myhostname = "localhost";
    std::string mydomain;  ///< empty: what follows the first dot of myhostname
    std::string myorigin = "$myhostname";
    Strings mydestination{"$myhostname", "localhost.$mydomain", "localhost"};
    Strings inet_interfaces;
    Strings local_recipient_maps;
    Strings relay_domains;
    Strings relay_recipient_maps;
    Strings recipient_canonical_maps;
    Strings canonical_maps;
    Strings recipient_canonical_classes{"envelope_recipient", "header_recipient"};
    Strings canonical_classes{"envelope_sender", "envelope_recipient", "header_sender",
                              "header_recipient"};
    Strings relocated_maps;
    Strings virtual_alias_domains;
    Strings virtual_alias_maps;
    Strings virtual_mailbox_domains;
    Strings virtual_mailbox_maps;
    Strings virtual_mailbox_limit_maps;
    Strings virtual_mailbox_message_limit_maps;
    Strings virtual_domain_limit_maps;
    Strings virtual_domain_message_limit_maps;
    Strings transport_maps;
    std::string local_transport = "local:$myhostname";
    std::string virtual_transport = "virtual";
    std::string relay_transport = "relay";
    std::string default_transport = "smtp";
    std::string recipient_delimiter;
    bool owner_request_special = true;
    std::string double_bounce_sender = "double-bounce";
    bool swap_bangpath = true;
    bool allow_percent_hack = true;
    bool append_at_myorigin = true;
    bool append_dot_mydomain = true;
    Strings parent_domain_matches_subdomains{
        "debug_peer_list",           "fast_flush_domains",       "mynetworks",
        "permit_mx_backup_networks", "qmqpd_authorized_clients", "relay_domains",
        "smtpd_access_maps"};
    Strings propagate_unmatched_extensions{"canonical", "virtual"};
    std::uint64_t virtual_alias_expansion_limit = 1000;
    std::uint64_t virtual_alias_recursion_limit = 1000;
    std::uint64_t virtual_alias_address_length_limit = 1000;

    // The mail store
    std::string virtual_mailbox_base = "/home/vmail";
    std::string mailbox_layout = "%d/%u";
    Strings mailbox_transports{"virtual", "lmtp:unix:"};

    // Caches
    std::chrono::milliseconds recipient_cache_time{30'000};
    std::chrono::milliseconds unknown_recipient_cache_time{5'000};
    std::chrono::milliseconds stale_time{3'600'000};
    std::uint64_t cache_size = 100'000;
    std::chrono::milliseconds usage_cache_time{0};

    // Back ends
    std::string usage_store = "sqlite:/var/lib/policyd/usage.sqlite";
    std::string redis_user;
    std::string redis_password_file;
    std::chrono::milliseconds redis_time_limit{500};
    std::uint64_t mysql_connections = 4;
    std::chrono::milliseconds mysql_time_limit{1'500};

    // The scanner
    std::chrono::milliseconds scan_interval{300'000};
    std::string scan_live = "auto";
    std::chrono::milliseconds scan_settle_time{200};
    std::chrono::milliseconds scan_verify_interval{86'400'000};
    std::chrono::milliseconds scan_refresh_interval{600'000};
    std::string scan_state_file = "/var/lib/policyd/scan.state";
    std::string scan_metrics_file;
    std::uint64_t scan_threads = 16;
    std::uint64_t scan_nice = 10;
    std::string scan_io_priority = "low";
    std::uint64_t scan_rate_limit = 0;
    std::uint64_t scan_most_vanished_percent = 5;
    std::string scan_size_source = "name";
    Strings scan_ignore_folders;
    bool scan_ignore_deleted = false;
    std::chrono::milliseconds reservation_grace{300'000};
    std::string dovecot_quota_clone;
    std::string dovecot_quota_clone_prefix;
    std::string dovecot_quota_clone_password_file;
    std::chrono::milliseconds dovecot_quota_clone_interval{60'000};
    std::string usage_source = "scan";

    bool operator==(const Settings&) const = default;
};

}  // namespace policyd::config
