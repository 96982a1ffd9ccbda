#include "policyd/ctl/mailbox_commands.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>

#include "common/async/event_loop.hpp"
#include "common/config/config_file.hpp"
#include "common/mail/address.hpp"
#include "common/text/utf8.hpp"
#include "common/usage/open_usage_store.hpp"
#include "policyd/ctl/exit_status.hpp"
#include "policyd/ctl/usage_text.hpp"
#include "policyd/services/services.hpp"

namespace policyd::ctl {
namespace {

struct MailboxArguments {
    std::string address;
    std::vector<std::string> mailboxes;
    bool all = false;
    std::string config = config::kDefaultPath;
};

/// A file that is not there yet is for the daemons to make, as their users.
bool HasUsageStore(const config::Settings& settings) {
    constexpr std::string_view kSqlite = "sqlite:";
    if (!settings.usage_store.starts_with(kSqlite)) return true;
    std::error_code untold;
    return std::filesystem::exists(settings.usage_store.substr(kSqlite.size()), untold) || untold;
}

/// What decides in the server, on a loop of its own.
struct Office {
    explicit Office(const config::Settings& settings)
        : has_usage_store(HasUsageStore(settings)), services(loop, settings, shared) {}

    bool has_usage_store;
    async::EventLoop loop;
    services::SharedState shared;
    services::Services services;
};

const char* ClassText(recipients::Resolution::Kind kind) {
    switch (kind) {
        case recipients::Resolution::Kind::kNotOurs:
            return "not of this system";
        case recipients::Resolution::Kind::kUnknown:
            return "unknown: no such recipient in a hosted domain";
        case recipients::Resolution::Kind::kKnown:
            return "known";
        case recipients::Resolution::Kind::kDeferred:
            return "deferred: its transport is retry:";
    }
    return "";
}

/// What became of a final recipient that has no mailbox here.
std::string FateText(const recipients::Destination& destination) {
    using Fate = recipients::Destination::Fate;
    const std::string transport = text::EscapedForLog(destination.transport);
    switch (destination.fate) {
        case Fate::kMailbox:
            break;
        case Fate::kElsewhere:
            return "goes by " + transport + ", and has no quota here";
        case Fate::kDiscarded:
            return "is thrown away, as the address of double bounces";
        case Fate::kNoSuchMailbox:
            return "bounces: there is no such mailbox";
        case Fate::kRefused:
            return "bounces: its transport is " + transport;
    }
    return "";
}

void ExplainTheRest(const recipients::Way& way, Terminal& terminal) {
    if (!way.destinations) {
        terminal.out << "  Postfix refuses the message after its data, now and later: a loop of "
                        "aliases, more of them than virtual_alias_expansion_limit or "
                        "virtual_alias_recursion_limit, or a value that holds no address\n";
        return;
    }
    for (const recipients::Destination& destination : *way.destinations)
        if (!destination.mailbox)
            terminal.out << "  " << text::EscapedForLog(destination.address) << ": "
                         << FateText(destination) << '\n';
}

int RunResolve(const MailboxArguments& arguments, Terminal& terminal) {
    Office office(config::LoadConfigFile(arguments.config));
    const std::string recipient = mail::Unquoted(arguments.address);
    recipients::PostfixRecipientResolver& resolver = office.services.Resolver();
    const recipients::Way way = office.loop.RunUntilDone(resolver.Follow(recipient));
    const recipients::Resolution resolution = resolver.ResolutionOf(way);
    terminal.out << text::EscapedForLog(arguments.address) << ": " << ClassText(resolution.kind)
                 << '\n';
    for (const recipients::Mailbox& mailbox : resolution.mailboxes) {
        std::optional<usage::Usage> usage;
        std::optional<usage::Usage> of_domain;
        if (office.has_usage_store) {
            usage::UsageStore& store = office.services.UsageStore();
            usage = office.loop.RunUntilDone(store.Find(mailbox.name));
            of_domain = office.loop.RunUntilDone(store.FindDomain(usage::DomainOf(mailbox.name)));
        }
        terminal.out << ExplainRoom(mailbox, usage) << '\n'
                     << ExplainDomainRoom(mailbox, of_domain);
    }
    if (way.kind == recipients::Resolution::Kind::kKnown) ExplainTheRest(way, terminal);
    return resolution.kind == recipients::Resolution::Kind::kKnown ? kSuccess : kNotFound;
}

int RunUsage(const MailboxArguments& arguments, Terminal& terminal) {
    if (arguments.all != arguments.mailboxes.empty())
        throw std::invalid_argument("usage: name mailboxes, or --all");
    const config::Settings settings = config::LoadConfigFile(arguments.config);
    if (!HasUsageStore(settings)) {
        terminal.err << "policyctl: " << settings.usage_store
                     << ": there is none yet; policyd and policyd-scan make it\n";
        return kNotFound;
    }
    async::EventLoop loop;
    const auto store = usage::OpenUsageStore(loop, settings);
    std::vector<std::string> mailboxes = arguments.mailboxes;
    if (arguments.all) {
        mailboxes = loop.RunUntilDone(store->MeasuredMailboxes());
        const auto unmeasured = loop.RunUntilDone(store->UnmeasuredMailboxes());
        mailboxes.insert(mailboxes.end(), unmeasured.begin(), unmeasured.end());
        std::sort(mailboxes.begin(), mailboxes.end());
        mailboxes.erase(std::unique(mailboxes.begin(), mailboxes.end()), mailboxes.end());
    }
    int status = kSuccess;
    terminal.out << UsageHeading() << '\n';
    for (const std::string& mailbox : mailboxes) {
        const std::optional<usage::Usage> usage = loop.RunUntilDone(store->Find(mailbox));
        if (usage) {
            terminal.out << UsageLine(mailbox, *usage) << '\n';
        } else if (!arguments.all) {  // otherwise it was there a moment ago
            terminal.err << "policyctl: nothing is known of " << text::EscapedForLog(mailbox)
                         << '\n';
            status = kNotFound;
        }
    }
    return status;
}

std::shared_ptr<MailboxArguments> ArgumentsWithConfig(CLI::App& command) {
    auto arguments = std::make_shared<MailboxArguments>();
    command.add_option("--config", arguments->config, "The configuration")
        ->capture_default_str()
        ->type_name("FILE");
    return arguments;
}

}  // namespace

Run DefineResolve(CLI::App& command, Terminal& terminal) {
    auto arguments = ArgumentsWithConfig(command);
    command.add_option("ADDRESS", arguments->address, "The recipient, as a client gives it")
        ->required();
    return [arguments, &terminal] { return RunResolve(*arguments, terminal); };
}

Run DefineUsage(CLI::App& command, Terminal& terminal) {
    auto arguments = ArgumentsWithConfig(command);
    command.add_option("MAILBOX", arguments->mailboxes, "The address that a Maildir stands for");
    command.add_flag("--all", arguments->all,
                     "All mailboxes that were measured or hold reservations");
    return [arguments, &terminal] { return RunUsage(*arguments, terminal); };
}

}  // namespace policyd::ctl
