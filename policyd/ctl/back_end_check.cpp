#include "policyd/ctl/back_end_check.hpp"

#include <filesystem>
#include <memory>
#include <set>
#include <stdexcept>
#include <utility>

#include "common/async/event_loop.hpp"
#include "common/config/expansion.hpp"
#include "common/config/options.hpp"
#include "common/config/values.hpp"
#include "common/mysql/client.hpp"
#include "common/outage/unavailable.hpp"
#include "common/recipients/mail_system.hpp"
#include "common/redis/client.hpp"
#include "common/tables/mysql_table.hpp"
#include "common/tables/table_list.hpp"
#include "common/tables/table_registry.hpp"
#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"
#include "common/usage/dovecot_quota_clone.hpp"
#include "common/usage/open_usage_store.hpp"
#include "common/usage/redis_rights.hpp"
#include "policyd/checks/access_result.hpp"
#include "policyd/ctl/table_definition.hpp"
#include "policyd/services/services.hpp"

namespace policyd::ctl {
namespace {

class BackEndCheck {
public:
    BackEndCheck(const config::ConfigFile& file, Report& report)
        : file_(file),
          report_(report),
          settings_(config::Expanded(file.settings)),
          registry_(loop_, TableSettings()) {}

    void Run() {
        for (const config::Option& option : config::Options()) {
            const auto* list = std::get_if<config::Strings config::Settings::*>(&option.field);
            if (list == nullptr || !(IsTableList(option) || IsDomainList(option))) continue;
            CheckList(option, settings_.**list);
        }
        CheckDefault();
        CheckUsageStore();
        if (settings_.usage_source != "scan") CheckDovecot();
        if (!report_.HasErrors()) CheckTheWhole();
        if (!report_.HasErrors()) CheckDomains();
    }

private:
    tables::TableSettings TableSettings() {
        tables::TableSettings settings;
        settings.mysql_connections = 1;
        settings.mysql_time_limit = settings_.mysql_time_limit;
        settings.warn = [this](const std::string& text) { report_.Warning(text); };
        return settings;
    }

    /// "policyd.toml:12: virtual_alias_maps: " and what is wrong.
    std::string At(const config::Option& option, const std::string& message) const {
        const std::string name(option.name);
        return config::ConfigError(file_.path, file_.LineOf(name), name + ": " + message).what();
    }

    void CheckList(const config::Option& option, const config::Strings& list) {
        for (const std::string& part : list) {
            for (std::string element : tables::SplitTableList(part)) {
                if (IsDomainList(option) && element.starts_with('!')) element.erase(0, 1);
                if (tables::IsTableSpec(element)) {
                    CheckTable(option, element);
                } else if (IsTableList(option) || element.starts_with('/')) {
                    CheckWord(option, element);
                }
            }
        }
    }

    tables::LookupTable& Opened(const config::Option& option, const std::string& name) {
        if (IsDomainList(option)) return registry_.OpenInList(name);
        if (option.name == "virtual_mailbox_maps") registry_.OpenForVirtual(name);
        return registry_.Open(name, recipients::SubstitutionIn(option.name));
    }

    void CheckTable(const config::Option& option, const std::string& name) {
        const void* server = nullptr;
        try {
            tables::LookupTable& table = Opened(option, name);
            server = table.Server();
            if (option.name == "client_access_maps") lists_others_ |= !ListsThisHostAlone(table);
            loop_.RunUntilDone(table.Try());
            CheckEachServer(option, table.Name());
            if (option.name == "client_access_maps") CheckActions(option, table);
            if (option.name.ends_with("_limit_maps")) CheckLimits(option, table);
        } catch (const config::ConfigError& error) {
            report_.Error(At(option, error.what()));
        } catch (const outage::TableRefuses& error) {
            report_.Error(At(option, error.what()));
        } catch (const outage::TableUnavailable& error) {
            // Nobody has to be asked about a table in memory: it is a mistake in its file.
            if (server == nullptr || error.IsMistake()) {
                denying_.insert(server);
                report_.Error(At(option, error.what()));
            } else if (!denying_.contains(server)) {
                report_.Unreachable(At(option, error.what()), server);
            }
        }
    }

    /// Any of several may have answered.
    void CheckEachServer(const config::Option& option, const std::string& table) {
        constexpr std::string_view kMysql = "mysql:";
        if (!table.starts_with(kMysql)) return;
        const tables::WarningSink nobody = [](const std::string&) {};
        const tables::TableFile file(table.substr(kMysql.size()), nobody);
        const auto [account, is_new] =
            accounts_.insert(tables::ReadAccount(file, settings_.mysql_time_limit, nobody));
        if (!is_new || account->servers.size() < 2) return;
        for (const mysql::Server& server : account->servers) {
            mysql::Account alone = *account;
            alone.servers = {server};
            mysql::Query query;
            query.text = [](const mysql::Query::Quote&) { return "SELECT 1"; };
            try {
                mysql::Client(std::make_shared<mysql::ServerBoard>(alone))
                    .Run(query, mysql::Client::Clock::now());
            } catch (const outage::TableUnavailable& error) {
                const std::string what = At(option, table + ": " + error.what());
                error.IsMistake() ? report_.Error(what) : report_.Unreachable(what, &server);
            }
        }
    }

    /// Whoever gets a wrong one is deferred: better to hear of it before the first does.
    void CheckActions(const config::Option& option, const tables::LookupTable& table) {
        if (table.InMemory() == nullptr) return;
        std::set<std::string> mistakes;
        table.InMemory()->ForEachValue([&mistakes](std::string_view value) {
            try {
                checks::ParseAccessResult(value);
            } catch (const std::invalid_argument& mistake) {
                mistakes.insert(mistake.what());
            }
        });
        for (const std::string& mistake : mistakes)
            report_.Warning(At(option, table.Name() + ": " + mistake +
                                           ": whoever gets it is answered as in an outage"));
    }

    /// As far as can be seen: no for a table on a server.
    static bool ListsThisHostAlone(const tables::LookupTable& table) {
        if (table.InMemory() == nullptr) return false;
        bool is_all = true;
        table.InMemory()->ForEachKey([&is_all](std::string_view key) {
            const bool is_network = key.find_first_not_of("0123456789./") == key.npos;
            is_all &= (is_network && (key == "127" || key.starts_with("127."))) || key == "::1" ||
                      key == "::1/128" || key == "localhost" || key == "localhost.localdomain";
        });
        return is_all;
    }

    /// As it is installed, the list waits for the site's own servers.
    void CheckDefault() {
        const std::string& action = settings_.client_access_default;
        if (lists_others_ || !config::Contains(settings_.checks, "client_access") ||
            config::Contains(settings_.dry_run, "client_access") || !RefusesOrDefers(action))
            return;
        const config::Option& option = *config::FindOption("client_access_default");
        report_.Warning(At(option,
                           "client_access_maps lists no client but this machine, so all "
                           "mail from outside gets \"" +
                               text::EscapedForLog(action) +
                               "\": list there who may deliver mail, or set this to "
                               "\"DUNNO\""));
    }

    static bool RefusesOrDefers(const std::string& action) {
        const std::string word = text::ToLower(action.substr(0, action.find(' ')));
        return word.starts_with('4') || word.starts_with('5') || word == "reject" ||
               word.starts_with("defer");
    }

    /// Likewise. Of tables on a server WarnOfQuotaColumns() tells.
    void CheckLimits(const config::Option& option, const tables::LookupTable& table) {
        if (table.InMemory() == nullptr) return;
        std::set<std::string> wrong;
        table.InMemory()->ForEachValue([&wrong](std::string_view value) {
            if (!text::ParseUnsigned(text::Trim(value))) wrong.emplace(value);
        });
        if (wrong.empty()) return;
        const std::string more =
            wrong.size() == 1 ? "" : " (nor are " + std::to_string(wrong.size() - 1) + " others)";
        report_.Warning(At(option, table.Name() + ": \"" + text::EscapedForLog(*wrong.begin()) +
                                       "\" is no whole number of 0 or more" + more +
                                       ": mail for such a mailbox is deferred"));
    }

    /// What is no table: in a table list a mistake, in a domain list the name of a file.
    void CheckWord(const config::Option& option, const std::string& word) {
        try {
            if (IsTableList(option)) {
                registry_.Open(word);
            } else {
                registry_.OpenDomainList(std::string(option.name), {word},
                                         tables::DomainList::Matching::kExact);
            }
        } catch (const config::ConfigError& error) {
            report_.Error(At(option, error.what()));
        }
    }

    /// The store itself is made by the program that first uses it, as its user: not here.
    void CheckUsageStore() {
        const config::Option& option = *config::FindOption("usage_store");
        constexpr std::string_view kSqlite = "sqlite:";
        if (settings_.usage_store.starts_with(kSqlite)) {
            const std::filesystem::path path = settings_.usage_store.substr(kSqlite.size());
            const std::string directory = path.parent_path();
            std::error_code untold;
            if (!std::filesystem::is_directory(directory, untold))
                report_.Unreachable(At(option, directory + (untold ? ": " + untold.message()
                                                                   : " is not a directory")),
                                    &option);
            if (!std::filesystem::exists(path, untold)) return;
        }
        try {
            if (settings_.usage_store.starts_with("redis:") && !MayUseRedis(option)) return;
            const auto store = usage::OpenUsageStore(loop_, settings_);
            loop_.RunUntilDone(store->Find("nobody@policyd.invalid"));
        } catch (const outage::Unavailable& error) {
            ReportStore(option, error);
        }
    }

    void ReportStore(const config::Option& option, const outage::Unavailable& error) {
        const std::string what = At(option, error.what());
        error.IsMistake() ? report_.Error(what) : report_.Unreachable(what, &option);
    }

    bool MayUseRedis(const config::Option& option) {
        redis::Client server(loop_, usage::UsageServerFrom(settings_));
        const std::vector<std::string> denied = loop_.RunUntilDone(usage::DeniedCommands(server));
        if (denied.empty()) CheckEviction(option, server);
        for (const std::string& command : denied)
            report_.Error(At(option, "Redis does not let its user call " + command));
        return denied.empty();
    }

    /// Of a Redis that lets us look.
    void CheckEviction(const config::Option& option, redis::Client& server) {
        std::string memory;
        try {
            memory =
                loop_.RunUntilDone(server.AskAll({redis::Request("INFO", "memory")})).front().text;
        } catch (const outage::Unavailable&) {
            return;
        }
        constexpr std::string_view kPolicy = "maxmemory_policy:allkeys-";
        const std::size_t found = memory.find(kPolicy);
        if (found == std::string::npos || memory.find("maxmemory:0\r") != std::string::npos) return;
        const std::size_t policy = memory.find(':', found) + 1;
        report_.Warning(At(option, "Redis has maxmemory-policy " +
                                       memory.substr(policy, memory.find('\r', policy) - policy) +
                                       ": where memory is short it drops figures, and what "
                                       "is dropped counts as empty until policyd-scan has seen to "
                                       "it: set noeviction"));
    }

    /// Where policyd-scan has Dovecot's figures from.
    void CheckDovecot() {
        const config::Option& option = *config::FindOption("dovecot_quota_clone");
        try {
            redis::Client server(loop_, usage::DovecotServerFrom(settings_));
            loop_.RunUntilDone(server.AskAll({redis::Request("PING")}));
        } catch (const config::ConfigError& error) {
            report_.Error(config::Located(error, file_.path).what());
        } catch (const outage::Unavailable& error) {
            ReportStore(option, error);
        }
    }

    /// What is wrong with an option although its tables can be opened. Such an error names the
    /// option first.
    void CheckTheWhole() {
        try {
            services::SharedState shared;
            const services::Services services(loop_, settings_, shared);
        } catch (const config::ConfigError& error) {
            report_.Error(config::Located(error, file_.path).what());
        }
    }

    /// Of the classes of a domain that is in several, Postfix takes the first, with a warning in
    /// its log. Looks at what stands in the lists of these itself.
    void CheckDomains() {
        const tables::DomainList hosted =
            registry_.OpenDomainList("virtual_mailbox_domains", settings_.virtual_mailbox_domains,
                                     tables::DomainList::Matching::kExact);
        for (const auto& [name, lists] :
             {std::pair("mydestination", &settings_.mydestination),
              std::pair("virtual_alias_domains", &settings_.virtual_alias_domains)})
            for (const std::string& list : *lists)
                for (const std::string& domain : tables::SplitTableList(list))
                    if (domain.find_first_of("!/:") == domain.npos && IsIn(hosted, domain))
                        report_.Warning(
                            At(*config::FindOption(name),
                               domain + " is in virtual_mailbox_domains as well, and counts as one "
                                        "of these here: its mail is in no mailbox, and has no "
                                        "quota: take it out of one of the two"));
    }

    /// No where nobody can tell.
    bool IsIn(const tables::DomainList& list, const std::string& domain) {
        try {
            return loop_.RunUntilDone(list.Contains(domain));
        } catch (const outage::TableUnavailable&) {
            return false;
        }
    }

    const config::ConfigFile& file_;
    Report& report_;
    config::Settings settings_;
    async::EventLoop loop_;
    tables::TableRegistry registry_;
    bool lists_others_ = false;          // client_access_maps
    std::set<const void*> denying_;      // servers, for a moment not asked again
    std::set<mysql::Account> accounts_;  // whose servers were asked
};

}  // namespace

void CheckBackEnds(const config::ConfigFile& file, Report& report) {
    BackEndCheck(file, report).Run();
}

}  // namespace policyd::ctl
