#include "common/config/options.hpp"

#include <algorithm>

#include "common/config/option_checks.hpp"
#include "common/config/values.hpp"

namespace policyd::config {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using enum Section;
using enum Takes;

constexpr SectionText kSections[] = {
    {kService, "The service", "Where Postfix finds the service, and its bounds."},
    {kChecks, "The checks",
     "What is decided, in which order, and what Postfix is told. An action is what access(5) has "
     "on the right-hand side: DUNNO, a reply code 4NN or 5NN with enhanced status code and text, "
     "DEFER_IF_PERMIT, REJECT and so on. OK and RELAY are not accepted, since they would skip "
     "Postfix's later restrictions."},
    {kQuota, "The quota",
     "How the mailbox_quota check counts. At RCPT it goes by the size that the client declares, at "
     "END-OF-MESSAGE by the real one: list the service in smtpd_recipient_restrictions and in "
     "smtpd_end_of_data_restrictions."},
    {kMailSystem, "The mail system",
     "The parameters of Postfix's main.cf that decide where mail goes, by the same names and with "
     "the same syntax: give them the values that \"postconf\" prints (and let \"policyctl "
     "check-config --postfix /etc/postfix\" compare). A list may be an array or one text as in "
     "main.cf. $name stands for the value of another option of this section, $$ for a dollar "
     "sign. Tables are mysql:, sqlite:, hash:, btree:, lmdb:, cdb:, texthash:, cidr:, regexp:, "
     "pcre:, inline: and static:, named as in main.cf, with proxy: before the name where main.cf "
     "has it: behind it Postfix finds nothing by a key that a texthash: or inline: table has in "
     "upper case. Of hash: and its "
     "like the text is read, at the start and within seconds after postmap has compiled it; "
     "texthash:, cidr:, regexp: and pcre: files at the start and at a reload."},
    {kMailStore, "The mail store", "Where mailboxes are, for policyd-scan."},
    {kCaches, "Caches", "What is remembered, and for how long."},
    {kBackEnds, "Back ends", "The usage store, Redis and MySQL."},
    {kScanner, "The scanner", "How policyd-scan measures."},
};

constexpr bool kForBoth = true;

constexpr Option kOptions[] = {
    {kService, "listen", &Settings::listen, kEffectOnRestart, CheckedBy(&CheckEndpoint),
     "Where Postfix connects: unix:PATH, inet:HOST:PORT or inet:[IPV6]:PORT, any number of them. "
     "Sockets passed in by systemd (policyd.socket) are used instead."},
    {kService, "unix_socket_mode", &Settings::unix_socket_mode, kEffectOnRestart,
     CheckedBy(&CheckFileMode),
     "Permissions of the UNIX sockets in listen, in octal. Whoever may connect can find out which "
     "addresses exist."},
    {kService, "unix_socket_group", &Settings::unix_socket_group, kEffectOnRestart, Anything(),
     "Group of the UNIX sockets in listen, usually postfix; empty: the group that policyd is "
     "started as."},
    {kService, "user", &Settings::user, kEffectOnRestart, Anything(),
     "Where policyd is started as root: the user that it becomes for good once its sockets are "
     "open. That user must be able to read the table files on reload and to write the usage store "
     "and the log file. Empty: it stays what it was started as, which the systemd unit and the "
     "init script take care of."},
    {kService, "workers", &Settings::workers, kEffectOnRestart, Between(1, 256),
     "Threads that answer requests, each with connections to the back ends of its own."},
    {kService, "max_connections", &Settings::max_connections, kEffectOnReload,
     Between(1, 1'000'000),
     "Open connections from Postfix at one time, or as many as the limit of open files leaves "
     "(LimitNOFILE in systemd.exec(5)). Every smtpd(8) process holds one for each "
     "check_policy_service: plan for default_process_limit times the number of mail servers and "
     "services. Where one more comes, those that have been idle for ten seconds are closed."},
    {kService, "request_time_limit", &Settings::request_time_limit, kEffectOnReload, AtLeast(10ms),
     "How long one request may take before it is answered by what is remembered, or else with the "
     "failure action of the back end that is slow. Postfix itself waits for "
     "smtpd_policy_service_timeout (100s)."},
    {kService, "receive_time_limit", &Settings::receive_time_limit, kEffectOnReload, AtLeast(10ms),
     "How long a request may take to come, from its first byte to its last, before the connection "
     "is closed."},
    {kService, "send_time_limit", &Settings::send_time_limit, kEffectOnReload, AtLeast(10ms),
     "How long an answer may wait to be taken before the connection is closed."},
    {kService, "idle_time_limit", &Settings::idle_time_limit, kEffectOnReload, AtLeast(1s),
     "When a silent connection is closed. Longer than Postfix's smtpd_policy_service_max_idle and "
     "_max_ttl, since a connection that we close first costs the next client a second."},
    {kService, "metrics_listen", &Settings::metrics_listen, kEffectOnRestart,
     CheckedBy(&CheckEndpointOrNone),
     "Where a monitoring system finds /metrics (Prometheus) and /health over HTTP, written as in "
     "listen; empty: nowhere. Whoever may connect can read the metrics; over a UNIX socket that is "
     "the server's own user and root."},
    {kService, "control_socket", &Settings::control_socket, kEffectOnRestart,
     CheckedBy(&CheckUnixEndpointOrNone),
     "The UNIX socket, unix:PATH, over which \"policyctl reload\" and \"policyctl flush\" reach "
     "the server; only the server's own user and root may connect. Empty: none; the reload of the "
     "systemd unit and of the init script needs one."},
    {kService, "log_destination", &Settings::log_destination, kEffectOnReload,
     CheckedBy(&CheckLogDestination),
     "Where log lines go: stderr, syslog, journal or file:PATH. The systemd units let the daemons "
     "write below /var/log/policyd: elsewhere, ReadWritePaths of both has to name the directory. "
     "policyd-scan takes a change over at its start.",
     kForBoth},
    {kService, "log_level", &Settings::log_level, kEffectOnReload,
     OneOf("debug info warning error"),
     "The least important lines that are logged. policyd-scan takes a change over at its start.",
     kForBoth},

    {kChecks, "checks", &Settings::checks, kEffectOnReload,
     EachOnce("client_access recipient mailbox_quota"),
     "The checks in their order; the first that has an opinion decides."},
    {kChecks, "client_access_maps", &Settings::client_access_maps, kEffectOnReload, Anything(),
     "Tables that say which clients may talk to the mail server, searched as check_client_access "
     "does: host name and its parents, then address and its networks. A result OK ends this check "
     "only. A dollar sign in rules that stand here is one as it is: $1, where main.cf has $$1."},
    {kChecks, "client_access_default", &Settings::client_access_default, kEffectOnReload,
     CheckedBy(&CheckAction),
     "The action for a client that is in no table; a refusal makes the tables an allowlist."},
    {kChecks, "client_access_permit_sasl_authenticated",
     &Settings::client_access_permit_sasl_authenticated, kEffectOnReload, Anything(),
     "Let users who have logged in (sasl_username) pass this check, from wherever they come; the "
     "other checks are asked. For smtpd services that ask before permit_sasl_authenticated."},
    {kChecks, "refuse_alias_to_nobody", &Settings::refuse_alias_to_nobody, kEffectOnReload,
     Anything(),
     "Treat an alias as unknown when none of the recipients that it leads to exists. Postfix "
     "accepts its mail and bounces it later."},
    {kChecks, "unknown_recipient_action", &Settings::unknown_recipient_action, kEffectOnReload,
     CheckedBy(&CheckAction),
     "The action for a recipient in a hosted domain that does not exist; DUNNO leaves it to "
     "Postfix. One that refuses for good gives way to the text of an error: transport or of "
     "relocated_maps, with 550."},
    {kChecks, "mailbox_full_action", &Settings::mailbox_full_action, kEffectOnReload,
     CheckedBy(&CheckAction),
     "The action for mail that does not fit into its mailbox by what was measured of it. Where "
     "only what is reserved leaves no room, which may be measured already or never come, it is "
     "mailbox_full_defer_action."},
    {kChecks, "dry_run", &Settings::dry_run, kEffectOnReload,
     OneOf("client_access recipient mailbox_quota"),
     "Checks whose opinion is only logged, at level info: the next check is asked as if they had "
     "none."},
    {kChecks, "table_failure_action", &Settings::table_failure_action, kEffectOnReload,
     CheckedBy(&CheckFailureAction),
     "The action while a look-up table cannot be asked: DUNNO, which lets the other checks decide, "
     "DEFER_IF_PERMIT or DEFER with a text, defer for short, or 4NN with a text; never a permanent "
     "refusal. Before that, what is remembered is used for stale_time, or for another time: "
     "\"stale 10m, then DUNNO\". A recipient that did not exist is asked about anew, and gets the "
     "action."},
    {kChecks, "usage_store_failure_action", &Settings::usage_store_failure_action, kEffectOnReload,
     CheckedBy(&CheckFailureAction),
     "The same while the usage store cannot be asked, which is what mailbox_quota does. What is "
     "remembered is used only where this says for how long; a mailbox that was full as far as is "
     "remembered has its mail deferred with mailbox_full_defer_action."},
    {kChecks, "client_access_failure_action", &Settings::client_access_failure_action,
     kEffectOnReload, CheckedBy(&CheckFailureActionOrNone),
     "The same for client_access while its tables cannot be asked; empty: table_failure_action."},
    {kChecks, "recipient_failure_action", &Settings::recipient_failure_action, kEffectOnReload,
     CheckedBy(&CheckFailureActionOrNone),
     "The same for recipient while its tables cannot be asked; empty: table_failure_action. Where "
     "mailbox_quota is among checks, the tables of limits are asked along with them."},
    {kChecks, "mailbox_quota_failure_action", &Settings::mailbox_quota_failure_action,
     kEffectOnReload, CheckedBy(&CheckFailureActionOrNone),
     "The same for mailbox_quota while the tables with recipients and limits cannot be asked; "
     "empty: table_failure_action."},

    {kQuota, "quota_reservations", &Settings::quota_reservations, kEffectOnReload, Anything(),
     "Whether accepted mail takes its room from the moment it is accepted, on every server that "
     "shares the usage store. Without, mail counts once the next scan has seen it."},
    {kQuota, "full_target_refuses", &Settings::full_target_refuses, kEffectOnReload,
     OneOf("any all never"),
     "For an address that leads to several mailboxes: whether any full one refuses the mail, only "
     "all of them together, or never. Where the delivery agent enforces the quota as well, any: "
     "it bounces what is let in for a full one."},
    {kQuota, "full_at_end_of_message", &Settings::full_at_end_of_message, kEffectOnReload,
     OneOf("accept defer reject"),
     "What happens to a message that turns out too large for some of its recipients, but not for "
     "all, at END-OF-MESSAGE, when Postfix takes one answer for all of them: accept it for "
     "everybody, defer it with mailbox_full_defer_action, or reject it. Where the delivery agent "
     "enforces the quota as well, defer: it bounces what is accepted for a full one."},
    {kQuota, "mailbox_full_defer_action", &Settings::mailbox_full_defer_action, kEffectOnReload,
     CheckedBy(&CheckTemporaryAction), "The action where a full mailbox is to be tried again."},
    {kQuota, "mailbox_full_soft_time", &Settings::mailbox_full_soft_time, kEffectOnReload,
     Anything(),
     "For how long mail for a full mailbox is deferred with mailbox_full_defer_action before it is "
     "refused with mailbox_full_action; 0 refuses at once. The time runs from the first refusal "
     "until a message fits again, and is kept in the usage store; while mailbox_quota is in "
     "dry_run, none begins."},
    {kQuota, "undeclared_size", &Settings::undeclared_size, kEffectOnReload,
     BytesOr(&CheckUndeclaredSize),
     "The size that is assumed at RCPT for a message whose client declares none: a number, or "
     "average for what the messages in all mailboxes have on average."},
    {kQuota, "delivery_overhead", &Settings::delivery_overhead, kEffectOnReload,
     BytesOr(&CheckDeliveryOverhead),
     "What delivery adds to the size that Postfix tells: a number, or estimate for an upper bound "
     "by the names in the headers Received, Return-Path, Delivered-To, X-Original-To, and in Date, "
     "From and Message-Id where they are missing; with those of an LMTP server where "
     "virtual_transport is one. Give a number where a milter or a content filter adds more."},
    {kQuota, "quota_grace_percent", &Settings::quota_grace_percent, kEffectOnReload,
     Between(0, 1000), "By how much of its limit in bytes a mailbox may exceed it."},
    {kQuota, "quota_grace", &Settings::quota_grace, kEffectOnReload, Bytes(),
     "By how many bytes a mailbox may exceed its limit, beside quota_grace_percent. Limits of "
     "messages and of domains have no grace."},
    {kQuota, "usage_max_age", &Settings::usage_max_age, kEffectOnReload, Anything(),
     "When a mailbox's measurement is stale, and stale_usage says what it is worth; 0: never. It "
     "is dated by the clock of the usage store's server, which the one here has to agree with. "
     "Longer than scan_interval and scan_refresh_interval. A mailbox that was never measured is "
     "new, and empty."},
    {kQuota, "stale_usage", &Settings::stale_usage, kEffectOnReload, OneOf("trust ignore defer"),
     "Whether a mailbox that is full by a stale measurement is full all the same, takes mail, or "
     "has it deferred with mailbox_full_defer_action."},
    {kQuota, "quota_exempt_recipients", &Settings::quota_exempt_recipients, kEffectOnReload,
     Anything(),
     "Recipients whose mail is never refused for a full mailbox: user@domain, with any extension, "
     "user@ in every domain, or @domain. The mail is counted all the same. With "
     "full_at_end_of_message = \"reject\", a message is refused on account of its other recipients "
     "all the same."},
    {kQuota, "quota_exempt_senders", &Settings::quota_exempt_senders, kEffectOnReload, Anything(),
     "The same by sender, also with any extension; <> is the null sender of bounces."},
    {kQuota, "quota_exempt_clients", &Settings::quota_exempt_clients, kEffectOnReload, Anything(),
     "The same by client: an address, a network in CIDR notation, a host name, or .domain for "
     "every name below it."},
    {kQuota, "quota_warnings", &Settings::quota_warnings, kEffectOnReload,
     ListOf("numbers from 1 to 100", &CheckPercentage),
     "Percentages of a mailbox's limits, from 1 to 100, such as [80, 95]. When a mailbox comes to "
     "hold that much of its limit in bytes or in messages, and when it holds less again, that is "
     "logged at level info and counted, and quota_warning_command is run: once for each crossing, "
     "whichever server "
     "or scan sees it. Empty: no warnings. policyd-scan reads at its start whether there are any.",
     kForBoth},
    {kQuota, "quota_warning_hysteresis", &Settings::quota_warning_hysteresis, kEffectOnReload,
     Between(0, 100),
     "By how many percent of the limit a mailbox must fall below one of quota_warnings before it "
     "has left it, but at most by half of that one."},
    {kQuota, "quota_warning_command", &Settings::quota_warning_command, kEffectOnReload,
     CheckedBy(&CheckAbsolutePathOrNone),
     "The path of a program that is run for each warning, with these arguments: the mailbox, the "
     "percentage, the usage, the limit, the word over or below, and bytes or messages, whichever "
     "more of its limit is used of. The mailbox is named by directories: it may begin with a "
     "hyphen, and for one with control characters nothing is run. It runs as the user of policyd, "
     "within the bounds of its unit, where sendmail(1) fails: send mail over SMTP. Empty: none."},
    {kQuota, "quota_warning_command_time_limit", &Settings::quota_warning_command_time_limit,
     kEffectOnReload, AtLeast(100ms),
     "How long the command may take before it is killed. There is never more than one."},
    {kQuota, "quota_warning_command_pause", &Settings::quota_warning_command_pause, kEffectOnReload,
     Anything(),
     "The least time from one start of the command to the next. Up to 10000 warnings wait for it."},

    {kMailSystem, "myhostname", &Settings::myhostname, kEffectOnReload, Anything(),
     "This mail system's host name."},
    {kMailSystem, "mydomain", &Settings::mydomain, kEffectOnReload, Anything(),
     "This mail system's domain. Where it is empty, it is what follows the first dot of "
     "myhostname, or localdomain."},
    {kMailSystem, "myorigin", &Settings::myorigin, kEffectOnReload, Anything(),
     "The domain of addresses that have none. Write the domain itself where main.cf has the name "
     "of a file."},
    {kMailSystem, "mydestination", &Settings::mydestination, kEffectOnReload, Anything(),
     "Domains delivered by local(8)."},
    {kMailSystem, "inet_interfaces", &Settings::inet_interfaces, kEffectOnReload,
     CheckedBy(&CheckIpAddress),
     "Addresses whose literals user@[address] are local: IP addresses only, those of this mail "
     "system where main.cf has all or names."},
    {kMailSystem, "local_recipient_maps", &Settings::local_recipient_maps, kEffectOnReload,
     Anything(), "Who exists in mydestination. Empty: everybody, so that Postfix decides."},
    {kMailSystem, "relay_domains", &Settings::relay_domains, kEffectOnReload, Anything(),
     "Domains that are relayed to."},
    {kMailSystem, "relay_recipient_maps", &Settings::relay_recipient_maps, kEffectOnReload,
     Anything(), "Who exists in relay_domains. Empty: everybody."},
    {kMailSystem, "recipient_canonical_maps", &Settings::recipient_canonical_maps, kEffectOnReload,
     Anything(), "Addresses rewritten before aliases are looked at."},
    {kMailSystem, "canonical_maps", &Settings::canonical_maps, kEffectOnReload, Anything(),
     "The same, after recipient_canonical_maps."},
    {kMailSystem, "recipient_canonical_classes", &Settings::recipient_canonical_classes,
     kEffectOnReload, OneOf("envelope_recipient header_recipient"),
     "What recipient_canonical_maps rewrite; envelope_recipient matters here."},
    {kMailSystem, "canonical_classes", &Settings::canonical_classes, kEffectOnReload,
     OneOf("envelope_sender envelope_recipient header_sender header_recipient"),
     "What canonical_maps rewrite; envelope_recipient matters here."},
    {kMailSystem, "relocated_maps", &Settings::relocated_maps, kEffectOnReload, Anything(),
     "Users who have moved: refused with their new address by Postfix."},
    {kMailSystem, "virtual_alias_domains", &Settings::virtual_alias_domains, kEffectOnReload,
     Anything(),
     "Domains of which all addresses are aliases. Postfix's own default is $virtual_alias_maps; "
     "here it is empty."},
    {kMailSystem, "virtual_alias_maps", &Settings::virtual_alias_maps, kEffectOnReload, Anything(),
     "Aliases, virtual(5). The tables' order matters: each key is tried in all of them before the "
     "next key."},
    {kMailSystem, "virtual_mailbox_domains", &Settings::virtual_mailbox_domains, kEffectOnReload,
     Anything(), "Domains delivered into Maildirs by virtual(8): the hosted domains."},
    {kMailSystem, "virtual_mailbox_maps", &Settings::virtual_mailbox_maps, kEffectOnReload,
     Anything(), "The mailboxes of virtual_mailbox_domains."},
    {kMailSystem, "virtual_mailbox_limit_maps", &Settings::virtual_mailbox_limit_maps,
     kEffectOnReload, Anything(),
     "The quota of each mailbox in bytes, by address; 0 or no entry is no limit. Tables that may "
     "have something for anybody, static:, regexp: and pcre:, are asked about mailboxes that none "
     "of the others has, wherever they stand: static:1073741824 is a default of 1 GiB. Postfix "
     "itself ignores this parameter: it is what the mailbox_quota check is for."},
    {kMailSystem, "virtual_mailbox_message_limit_maps",
     &Settings::virtual_mailbox_message_limit_maps, kEffectOnReload, Anything(),
     "The number of messages that a mailbox may hold, by address, as in "
     "virtual_mailbox_limit_maps; 0 or no entry is no limit."},
    {kMailSystem, "virtual_domain_limit_maps", &Settings::virtual_domain_limit_maps,
     kEffectOnReload, Anything(),
     "What all mailboxes of a domain may hold together, in bytes, by domain; 0 or no entry is no "
     "limit. It counts what they really hold, whatever their own limits."},
    {kMailSystem, "virtual_domain_message_limit_maps", &Settings::virtual_domain_message_limit_maps,
     kEffectOnReload, Anything(),
     "The number of messages that all mailboxes of a domain may hold together, by domain; 0 or no "
     "entry is no limit."},
    {kMailSystem, "transport_maps", &Settings::transport_maps, kEffectOnReload, Anything(),
     "Routes, transport(5). Mail that does not stay on this host has no quota here."},
    {kMailSystem, "local_transport", &Settings::local_transport, kEffectOnReload, Anything(),
     "The transport that delivers mydestination."},
    {kMailSystem, "virtual_transport", &Settings::virtual_transport, kEffectOnReload, Anything(),
     "The transport that delivers virtual_mailbox_domains."},
    {kMailSystem, "relay_transport", &Settings::relay_transport, kEffectOnReload, Anything(),
     "The transport for relay_domains."},
    {kMailSystem, "default_transport", &Settings::default_transport, kEffectOnReload, Anything(),
     "The transport for all other domains."},
    {kMailSystem, "recipient_delimiter", &Settings::recipient_delimiter, kEffectOnReload,
     Anything(), "Characters that begin an address extension, as the + in user+list@domain."},
    {kMailSystem, "owner_request_special", &Settings::owner_request_special, kEffectOnReload,
     Anything(),
     "Where recipient_delimiter has a \"-\": owner-list and list-request have no extension."},
    {kMailSystem, "double_bounce_sender", &Settings::double_bounce_sender, kEffectOnReload,
     Anything(), "The name that bounces of bounces have as sender; it has no extension."},
    {kMailSystem, "swap_bangpath", &Settings::swap_bangpath, kEffectOnReload, Anything(),
     "Rewrite domain!user to user@domain."},
    {kMailSystem, "allow_percent_hack", &Settings::allow_percent_hack, kEffectOnReload, Anything(),
     "Rewrite user%domain to user@domain."},
    {kMailSystem, "append_at_myorigin", &Settings::append_at_myorigin, kEffectOnReload, Anything(),
     "Append @$myorigin to addresses without a domain."},
    {kMailSystem, "append_dot_mydomain", &Settings::append_dot_mydomain, kEffectOnReload,
     Anything(), "Append .$mydomain to domains without a dot."},
    {kMailSystem, "parent_domain_matches_subdomains", &Settings::parent_domain_matches_subdomains,
     kEffectOnReload, Anything(),
     "The parameters in whose tables example.com stands for its subdomains too; "
     "smtpd_access_maps and relay_domains matter here."},
    {kMailSystem, "propagate_unmatched_extensions", &Settings::propagate_unmatched_extensions,
     kEffectOnReload, OneOf("canonical virtual alias forward include generic"),
     "Where address extensions are copied to the result of a rewriting; canonical and virtual "
     "matter here."},
    {kMailSystem, "virtual_alias_expansion_limit", &Settings::virtual_alias_expansion_limit,
     kEffectOnReload, AtLeast(1), "The most addresses that one alias may become."},
    {kMailSystem, "virtual_alias_recursion_limit", &Settings::virtual_alias_recursion_limit,
     kEffectOnReload, AtLeast(1), "The deepest nesting of aliases."},
    {kMailSystem, "virtual_alias_address_length_limit",
     &Settings::virtual_alias_address_length_limit, kEffectOnReload, AtLeast(1),
     "The longest address that an alias may become."},

    {kMailStore, "virtual_mailbox_base", &Settings::virtual_mailbox_base, kEffectOnRestart,
     CheckedBy(&CheckAbsolutePath), "The directory with all Maildirs, as in main.cf.", kForBoth},
    {kMailStore, "mailbox_layout", &Settings::mailbox_layout, kEffectOnRestart,
     CheckedBy(&CheckMailboxLayout),
     "The path of a mailbox's Maildir below virtual_mailbox_base: %d is the domain of its address, "
     "%u or %n the part before the @, %1u its first byte, %1.1u its second, %Lu the part in lower "
     "case.",
     kForBoth},
    {kMailStore, "mailbox_transports", &Settings::mailbox_transports, kEffectOnReload, Anything(),
     "Transports that deliver into the mail store, besides virtual_transport: a name in master.cf, "
     "or a name and how the next hop begins. Mail that goes elsewhere has no quota here."},

    {kCaches, "recipient_cache_time", &Settings::recipient_cache_time, kEffectOnReload, Anything(),
     "How long it is remembered that a recipient exists, which mailboxes it leads to and what "
     "their limits are, and what mysql: and sqlite: tables say of a client; a change in the tables "
     "takes effect within this time."},
    {kCaches, "unknown_recipient_cache_time", &Settings::unknown_recipient_cache_time,
     kEffectOnReload, Anything(),
     "How long it is remembered that a recipient does not exist, or that a client is in no mysql: "
     "or sqlite: table: a new mailbox takes mail within this time."},
    {kCaches, "stale_time", &Settings::stale_time, kEffectOnReload, Anything(),
     "For how long beyond these times an answer still serves while the tables cannot be asked, "
     "unless a failure action says otherwise."},
    {kCaches, "cache_size", &Settings::cache_size, kEffectOnReload, Between(1, 100'000'000),
     "How many recipients, and as many clients and mailboxes, each worker remembers."},
    {kCaches, "usage_cache_time", &Settings::usage_cache_time, kEffectOnReload, Anything(),
     "Without quota_reservations: for how long a mailbox's usage is taken from a copy in memory. 0 "
     "asks the usage store every time."},

    {kBackEnds, "usage_store", &Settings::usage_store, kEffectOnRestart,
     CheckedBy(&CheckUsageStore),
     "Where usage is kept, shared by all servers and scanners: sqlite:/PATH, redis:unix:/PATH or "
     "redis:inet:HOST:PORT. The systemd units let the daemons write below /var/lib/policyd, and "
     "talk to this host alone: elsewhere, ReadWritePaths or IPAddressAllow of both has to name the "
     "directory or the address. Redis's UNIX socket needs its group: usermod -aG redis policyd, "
     "and policyd-scan.",
     kForBoth},
    {kBackEnds, "redis_user", &Settings::redis_user, kEffectOnRestart, Anything(),
     "The user for Redis ACLs; empty: Redis's default user.", kForBoth},
    {kBackEnds, "redis_password_file", &Settings::redis_password_file, kEffectOnRestart,
     CheckedBy(&CheckSecretFile),
     "A file with the Redis password, which others may not read; empty: no password.", kForBoth},
    {kBackEnds, "redis_time_limit", &Settings::redis_time_limit, kEffectOnRestart, AtLeast(10ms),
     "How long Redis may take for one command.", kForBoth},
    {kBackEnds, "mysql_connections", &Settings::mysql_connections, kEffectOnRestart,
     Between(1, 1'000),
     "Connections to each set of MySQL servers, for every worker; each has a thread of its own, "
     "and one more for each server while it is connected to, where there are several. "
     "During a reload there are twice as many: mind TasksMax in systemd.resource-control(5) "
     "and LimitNOFILE in systemd.exec(5). Up to 16 questions that are alike and are asked at the "
     "same time are put to a server as one, as far as it answers that many within about 2 ms. "
     "Where a server gives fewer connections (max_connections, max_user_connections), these answer "
     "for all; a worker that gets none answers as in an outage."},
    {kBackEnds, "mysql_time_limit", &Settings::mysql_time_limit, kEffectOnRestart, AtLeast(10ms),
     "How long connecting to a MySQL server, and each of its answers, may take. Of several "
     "servers, or addresses of one, the next is connected to beside one that has kept silent for "
     "a quarter of it, at most 400 ms."},

    {kScanner, "scan_interval", &Settings::scan_interval, kEffectOnRestart, AtLeast(1s),
     "The time from the beginning of one scan to that of the next."},
    {kScanner, "scan_live", &Settings::scan_live, kEffectOnRestart,
     OneOf("auto fanotify inotify off"),
     "How changes are noticed between scans. auto takes fanotify where it is permitted "
     "(CAP_SYS_ADMIN), else inotify while the mail store is within its limits, else none."},
    {kScanner, "scan_settle_time", &Settings::scan_settle_time, kEffectOnRestart,
     Between(10, 60'000),
     "How long changes are collected before the mailboxes that changed are measured."},
    {kScanner, "scan_verify_interval", &Settings::scan_verify_interval, kEffectOnRestart,
     Anything(),
     "How often every directory of a mailbox is read again although nothing shows a change, to "
     "find figures that are wrong. 0: only by policyd-scan --verify."},
    {kScanner, "scan_refresh_interval", &Settings::scan_refresh_interval, kEffectOnRestart,
     AtLeast(1s),
     "After how long an unchanged mailbox is committed again. Reservations for mail that never "
     "came are dropped then, also those of mailboxes that are not there yet."},
    {kScanner, "scan_state_file", &Settings::scan_state_file, kEffectOnRestart,
     CheckedBy(&CheckAbsolutePathOrNone),
     "Where policyd-scan remembers what it measured, so that it need not read what has not "
     "changed. Empty: it remembers nothing."},
    {kScanner, "scan_metrics_file", &Settings::scan_metrics_file, kEffectOnRestart,
     CheckedBy(&CheckAbsolutePathOrNone),
     "Where policyd-scan writes its metrics in the text format of Prometheus, for the textfile "
     "collector of its node exporter. The unit lets it write nothing but /var/lib/policyd and "
     "/var/log/policyd: elsewhere, ReadWritePaths has to name the directory. Empty: nowhere. With "
     "usage_source = \"dovecot\" there are none."},
    {kScanner, "scan_threads", &Settings::scan_threads, kEffectOnRestart, Between(1, 64),
     "Threads that read the mail store. More than there are processors help while the disk is "
     "waited for."},
    {kScanner, "scan_nice", &Settings::scan_nice, kEffectOnRestart, Between(0, 19),
     "The nice value of policyd-scan, higher is less important, unless it is started with a higher "
     "one; and that of its session if it leads one, as a service does: see autogroup in sched(7)."},
    {kScanner, "scan_io_priority", &Settings::scan_io_priority, kEffectOnRestart,
     OneOf("normal low idle"),
     "The priority of policyd-scan's disk accesses: normal (as it is started), low (the lowest of "
     "best-effort) or idle (only while nobody else reads or writes)."},
    {kScanner, "scan_rate_limit", &Settings::scan_rate_limit, kEffectOnRestart, Anything(),
     "How many directories and messages are looked at a second, at most. 0: no limit."},
    {kScanner, "scan_most_vanished_percent", &Settings::scan_most_vanished_percent,
     kEffectOnRestart, Between(0, 100),
     "When more than this share of all mailboxes, and more than five, are gone at once, nothing "
     "is removed from the usage store and an alarm is logged: a disk may not be mounted."},
    {kScanner, "scan_size_source", &Settings::scan_size_source, kEffectOnRestart,
     OneOf("name stat"),
     "Where the size of a message comes from: the ,S= in its name, where there is one (for "
     "compressed mail that is the size before), or always the file, its size on disk."},
    {kScanner, "scan_ignore_folders", &Settings::scan_ignore_folders, kEffectOnRestart,
     CheckedBy(&CheckFolderPattern),
     "Folders that do not count, by their names without the leading dot, with * and ? as in file "
     "names: Trash, Trash.*"},
    {kScanner, "scan_ignore_deleted", &Settings::scan_ignore_deleted, kEffectOnRestart, Anything(),
     "Leave out messages that are marked as deleted (flag T), as Courier does."},
    {kScanner, "reservation_grace", &Settings::reservation_grace, kEffectOnRestart, Anything(),
     "Accepted mail is held to be in a scan once it is older than the scan's beginning by this "
     "much: the time that delivery takes. Mail in between is counted twice for a while. Mail that "
     "Postfix defers for longer is not counted until it is delivered, and others may be let in in "
     "its place: to count it through one deferral, this has to be longer than Postfix's "
     "minimal_backoff_time and queue_run_delay together (10 minutes by default). Mail that was "
     "just delivered then counts twice for as long.",
     kForBoth},
    {kScanner, "usage_source", &Settings::usage_source, kEffectOnRestart,
     OneOf("scan dovecot both"),
     "Where policyd-scan has its figures from: the Maildirs, what Dovecot's plugin quota_clone "
     "keeps in Redis, or both. Dovecot's are right where all mail is delivered and removed by "
     "Dovecot. With both, a figure of Dovecot that changes has the Maildir measured at once, and "
     "counts itself only where no Maildir was ever measured; policyd-scan --once reads the "
     "Maildirs alone.",
     kForBoth},
    {kScanner, "dovecot_quota_clone", &Settings::dovecot_quota_clone, kEffectOnRestart,
     CheckedBy(&CheckRedisOrNone),
     "The Redis of Dovecot's quota_clone_dict: redis:unix:/PATH or redis:inet:HOST:PORT."},
    {kScanner, "dovecot_quota_clone_prefix", &Settings::dovecot_quota_clone_prefix,
     kEffectOnRestart, Anything(), "The prefix in quota_clone_dict."},
    {kScanner, "dovecot_quota_clone_password_file", &Settings::dovecot_quota_clone_password_file,
     kEffectOnRestart, CheckedBy(&CheckSecretFile),
     "A file with the password of that Redis, which others may not read; empty: no password."},
    {kScanner, "dovecot_quota_clone_interval", &Settings::dovecot_quota_clone_interval,
     kEffectOnRestart, AtLeast(100ms), "How often Dovecot's figures are read."},
};

}  // namespace

std::span<const Option> Options() {
    return kOptions;
}

std::span<const SectionText> Sections() {
    return kSections;
}

const Option* FindOption(std::string_view name) {
    const auto found = std::find_if(std::begin(kOptions), std::end(kOptions),
                                    [name](const Option& option) { return option.name == name; });
    return found == std::end(kOptions) ? nullptr : &*found;
}

std::string_view SuggestOption(std::string_view name) {
    std::vector<std::string_view> names;
    for (const Option& option : kOptions) names.push_back(option.name);
    return ClosestTo(name, names);
}

bool Concerns(Program program, const Option& option) {
    return option.is_for_both ||
           (option.section == Section::kScanner) == (program == Program::kScanner);
}

std::string Changed(const Settings& before, const Settings& after, bool (*counts)(const Option&)) {
    std::string changed;
    for (const Option& option : kOptions) {
        const auto differs = [&](auto field) { return before.*field != after.*field; };
        if (counts(option) && std::visit(differs, option.field))
            changed.append(changed.empty() ? "" : ", ").append(option.name);
    }
    return changed;
}

}  // namespace policyd::config
