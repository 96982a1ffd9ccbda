#include "policyd/services/services.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "common/async/destroy_elsewhere.hpp"
#include "common/config/options.hpp"
#include "common/config/values.hpp"
#include "common/recipients/postfix_recipient_resolver.hpp"
#include "common/usage/open_usage_store.hpp"
#include "policyd/services/check_list.hpp"
#include "policyd/services/rules.hpp"

namespace policyd::services {

namespace {

using config::Settings;
using std::chrono::milliseconds;

/// How soon a measurement is looked at for whether a mailbox has filled up.
constexpr std::chrono::seconds kLookPeriod{1};
constexpr std::size_t kTakenBackAtOnce = 64;  // warnings

/// Of a table that a reload makes new: who does not answer then is taken to be down.
constexpr milliseconds kLongestTrial{5'000};

/// Without limits where nobody looks at them: a table of them that is broken is no reason to defer
/// mail then.
Settings WithNeededTables(const Settings& settings) {
    Settings needed = settings;
    if (config::Contains(settings.checks, "mailbox_quota") || !settings.quota_warnings.empty())
        return needed;
    for (auto limits :
         {&Settings::virtual_mailbox_limit_maps, &Settings::virtual_mailbox_message_limit_maps,
          &Settings::virtual_domain_limit_maps, &Settings::virtual_domain_message_limit_maps})
        (needed.*limits).clear();
    return needed;
}

tables::TableSettings TableSettingsFrom(const Settings& settings) {
    tables::TableSettings tables;
    tables.mysql_connections = settings.mysql_connections;
    tables.mysql_time_limit = settings.mysql_time_limit;
    return tables;
}

/// What there is to say has been said.
tables::TableSettings SilentTableSettingsFrom(const Settings& settings) {
    tables::TableSettings tables = TableSettingsFrom(settings);
    tables.warn = [](const std::string&) {};
    return tables;
}

tables::TableSettings ToTry(const Settings& settings) {
    tables::TableSettings to_try = SilentTableSettingsFrom(settings);
    to_try.mysql_connections = 1;
    to_try.mysql_time_limit = std::min(to_try.mysql_time_limit, kLongestTrial);
    to_try.telling = outage::Telling::kNobody;
    return to_try;
}

void OpenWhatChecksAsk(const Settings& settings, tables::TableRegistry& tables) {
    const auto has = [&checks = settings.checks](const char* check) {
        return config::Contains(checks, check);
    };
    if (has("recipient") || has("mailbox_quota") || !settings.quota_warnings.empty())
        recipients::OpenMailSystem(WithNeededTables(settings), tables);
    if (has("client_access")) tables.OpenChain("client_access_maps", settings.client_access_maps);
}

/// Of tables that a reload makes new, beside those that they replace.
struct Trial {
    Trial(const TablesOfSettings& wanted, const TablesOfSettings& before)
        : tables(loop, ToTry(wanted.settings), wanted.contents),
          tables_before(loop, ToTry(before.settings), before.contents) {
        OpenWhatChecksAsk(wanted.settings, tables);
        OpenWhatChecksAsk(before.settings, tables_before);
    }

    async::EventLoop loop;
    tables::TableRegistry tables;
    tables::TableRegistry tables_before;
};

constexpr const char* kOver = "over";

void Tell(const checks::Warning& warning, CommandRunner& commands) {
    CommandRunner::Arguments arguments{warning.mailbox,
                                       std::to_string(warning.percent),
                                       std::to_string(warning.usage),
                                       std::to_string(warning.limit),
                                       warning.is_over ? kOver : "below",
                                       warning.unit};
    commands.Run({std::move(arguments), warning.level_before});
}

/// What Tell() made these runs of, as far as it takes to take them back.
std::vector<checks::Warning> WarningsIn(const std::vector<CommandRunner::Wanted>& runs) {
    std::vector<checks::Warning> warnings;
    for (const CommandRunner::Wanted& run : runs) {
        checks::Warning& warning = warnings.emplace_back();
        warning.mailbox = run.arguments.at(0);
        warning.is_over = run.arguments.at(4) == kOver;
        warning.level_before = run.mark;
    }
    return warnings;
}

}  // namespace

Services::Services(async::EventLoop& loop, const Settings& settings, SharedState& shared)
    : Services(loop, settings, shared, TableSettingsFrom(settings),
               std::make_shared<tables::TableContents>(), nullptr) {}

Services::Services(async::EventLoop& loop, const Settings& settings, SharedState& shared,
                   std::shared_ptr<tables::TableContents> contents, const Services* predecessor)
    : Services(loop, settings, shared, SilentTableSettingsFrom(settings), std::move(contents),
               predecessor) {}

Services::Services(async::EventLoop& loop, const Settings& settings, SharedState& shared,
                   tables::TableSettings table_settings,
                   std::shared_ptr<tables::TableContents> contents, const Services* predecessor)
    : loop_(loop), shared_(shared), contents_(std::move(contents)) {
    const auto clock = [&loop] { return loop.Now(); };
    tables_ = std::make_unique<tables::TableRegistry>(loop, std::move(table_settings), contents_);
    rows_ = std::make_unique<tables::RowCache>(RowCacheTimesFrom(settings), clock);
    if (predecessor != nullptr) {
        usage_store_ = predecessor->usage_store_;
    } else {
        usage_store_ = usage::OpenUsageStore(loop, settings, shared.recent);
    }
    resolver_ = std::make_unique<recipients::PostfixRecipientResolver>(
        recipients::OpenMailSystem(WithNeededTables(settings), *tables_), *rows_);
    recipients_ = recipients::MakeRecipientCache(*resolver_, CacheTimesFrom(settings), clock);
    const auto tell = [&commands = shared.commands](const checks::Warning& warning) {
        Tell(warning, commands);
    };
    warnings_ = std::make_unique<checks::QuotaWarnings>(*usage_store_, *resolver_, shared.changed,
                                                        WarningRulesFrom(settings), tell);
    const CheckParts parts{settings,     *tables_,   *rows_, *usage_store_,
                           *recipients_, *warnings_, shared, clock};
    std::vector<checks::CheckPipeline::Step> steps;
    for (const std::string& name : settings.checks) steps.push_back(MakeCheckStep(name, parts));
    std::vector<checks::CheckPipeline::Step> retired;
    may_hold_room_ = config::Contains(settings.checks, "mailbox_quota") ||
                     (predecessor != nullptr && predecessor->may_hold_room_);
    if (may_hold_room_ && !config::Contains(settings.checks, "mailbox_quota")) {
        // Of new messages nobody will be told: it holds nothing but what it held before.
        Settings holding_nothing_new = settings;
        holding_nothing_new.quota_reservations = false;
        retired.push_back(
            MakeCheckStep("mailbox_quota", {holding_nothing_new, *tables_, *rows_, *usage_store_,
                                            *recipients_, *warnings_, shared, clock}));
    }
    checks_ = std::make_unique<checks::CheckPipeline>(std::move(steps), clock, std::move(retired));
}

Services::~Services() = default;

std::shared_ptr<const void> Services::TakeRemains() {
    using Remains =
        std::tuple<std::unique_ptr<checks::CheckPipeline>, std::unique_ptr<tables::RowCache>,
                   std::unique_ptr<recipients::RecipientCache>,
                   std::shared_ptr<tables::TableContents>>;
    return std::make_shared<const Remains>(std::move(checks_), std::move(rows_),
                                           std::move(recipients_), std::move(contents_));
}

std::shared_ptr<tables::TableContents> ReadTables(const Settings& settings,
                                                  tables::TableContents* predecessor) {
    auto contents = std::make_shared<tables::TableContents>();
    if (predecessor != nullptr) contents->Inherit(predecessor->AllCompiled());
    async::EventLoop loop;
    tables::TableRegistry tables(loop, TableSettingsFrom(settings), contents);
    recipients::OpenMailSystem(settings, tables);
    tables.OpenChain("client_access_maps", settings.client_access_maps);
    return contents;
}

std::vector<std::string> RefusalsOfServers(const TablesOfSettings& wanted,
                                           const TablesOfSettings& before) {
    auto trial = std::make_shared<Trial>(wanted, before);
    std::vector<std::string> refusals =
        trial->loop.RunUntilDone(trial->tables.Refusals(trial->tables_before));
    // A thread may still be asking a name server that keeps silent.
    async::DestroyElsewhere(std::move(trial));
    return refusals;
}

std::uint64_t DescriptorsOfTables(const TablesOfSettings& asked) {
    constexpr std::uint64_t kOfSqliteFile = 3;  // with its write-ahead log and that one's index
    async::EventLoop loop;
    tables::TableRegistry tables(loop, ToTry(asked.settings), asked.contents);
    OpenWhatChecksAsk(asked.settings, tables);
    return tables.MysqlServers() * asked.settings.mysql_connections +
           tables.SqliteFiles() * kOfSqliteFile;
}

void UseInShared(const Settings& settings, SharedState& shared) {
    shared.commands.Use({settings.quota_warning_command, settings.quota_warning_command_time_limit,
                         settings.quota_warning_command_pause});
}

bool AskAlike(const Settings& one, const Settings& other) {
    const auto is_asked = [](const config::Option& option) {
        return option.section == config::Section::kMailSystem ||
               option.section == config::Section::kMailStore ||
               option.name == "client_access_maps" || option.name == "client_access_default" ||
               option.name == "refuse_alias_to_nobody" || option.name == "usage_source";
    };
    const Settings asked = WithNeededTables(one);
    const Settings also_asked = WithNeededTables(other);
    const auto options = config::Options();
    return std::all_of(options.begin(), options.end(), [&](const config::Option& option) {
        return !is_asked(option) || config::Show(asked, option) == config::Show(also_asked, option);
    });
}

void Services::TakeOver(Services& predecessor, bool asks_alike) {
    checks_->TakeOver(*predecessor.checks_, asks_alike);
    if (asks_alike) recipients_->TakeOver(*predecessor.recipients_);
}

void Services::FlushCaches() {
    rows_->Clear();
    recipients_->Clear();
    checks_->ForgetAnswers();
}

void Services::GiveUp(milliseconds until) noexcept {
    LeaveOff();
    has_given_up_ = true;
    ends_at_ = until;
}

/// What is left then is dropped with the command runner.
async::Task<void> Services::TakeBackWarnings() {
    while (loop_.Now() < ends_at_) {
        std::vector<checks::Warning> untold =
            WarningsIn(shared_.commands.TakeWaiting(kTakenBackAtOnce));
        if (untold.empty()) co_return;
        const std::size_t lost = co_await warnings_->TakeBack(std::move(untold));
        shared_.commands.Drop(lost);
    }
}

bool Services::Owes() const {
    const std::size_t changed = shared_.changed.Size() + shared_.changed.SizeAside();
    return shared_.owed.Size() > 0 ||
           (has_given_up_ && (changed > 0 || shared_.commands.HasWaiting()));
}

async::Task<void> Services::Tend() {
    shared_.commands.Tend();
    if (shared_.owed.Size() > 0) {
        const checks::OwedChanges::Clock clock = [this] { return loop_.Now(); };
        co_await shared_.owed.Pay(*usage_store_, clock);
    }
    if (has_given_up_) {
        co_await TakeBackWarnings();
        co_return co_await warnings_->GiveBack();
    }
    shared_.average.Renew(usage_store_, [&loop = loop_] { return loop.Now(); });
    if (loop_.Now() < next_look_) co_return;
    next_look_ = loop_.Now() + kLookPeriod;
    co_await warnings_->LookAtChanged();
}

}  // namespace policyd::services
