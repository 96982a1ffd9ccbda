#include "common/tables/table_registry.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <iterator>

#include "common/async/when_all.hpp"
#include "common/config/config_error.hpp"
#include "common/log/logging.hpp"
#include "common/tables/cidr_table.hpp"
#include "common/tables/compiled_table.hpp"
#include "common/tables/inline_table.hpp"
#include "common/tables/pattern_table.hpp"
#include "common/tables/rules_text.hpp"
#include "common/tables/static_table.hpp"
#include "common/tables/table_list.hpp"
#include "common/tables/texthash_table.hpp"
#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"

namespace policyd::tables {

namespace {

/// How long a look-up waits for a writer of an SQLite file.
constexpr std::chrono::milliseconds kSqlitePatience{1000};

/// A server that lives is to be the first to give up on a slow query: the connection survives that.
constexpr std::chrono::milliseconds kServersMargin{100};

std::string_view WithoutProxy(std::string_view spec) {
    static constexpr std::string_view kProxy = "proxy:";
    while (spec.starts_with(kProxy)) spec.remove_prefix(kProxy.size());
    return spec;
}

/// mysql_table(5), OBSOLETE MAIN.CF PARAMETERS: what does not look like a path.
void RequirePath(std::string_view type, const std::string& name) {
    if (name.starts_with('/') || name.starts_with('.')) return;
    const std::string shown = text::EscapedForLog(name);
    throw config::ConfigError(fmt::format(
        "\"{}:{}\": parameters in main.cf, {}_query and others, are not followed: write "
        "them into a file, and its path behind {}:",
        type, shown, shown, type));
}

/// Sets apart what was read in different ways.
template <typename Way>
std::string Mark(Way way) {
    return std::to_string(static_cast<int>(way)) + ' ';
}

/// The tables of a parameter, which a mistake in one of them names.
template <typename Open>
TableChain MakeChain(const std::string& parameter, const std::vector<std::string>& lists,
                     Open open) {
    std::vector<LookupTable*> tables;
    try {
        for (const std::string& list : lists)
            for (const std::string& spec : SplitTableList(list)) tables.push_back(&open(spec));
    } catch (const config::ConfigError& mistake) {
        std::throw_with_nested(config::ConfigError(parameter + ": " + mistake.what()));
    }
    return TableChain(parameter, std::move(tables));
}

/// What TableContents has a TableFile under.
constexpr const char* kParameters = "parameters:";

struct NamedTable {
    std::string identity;
    LookupTable* table;
};
struct Refusal {
    std::string identity;
    std::string why;
};

/// Ends the opening of a table, also of one that is refused.
struct Opening {
    std::set<std::string, std::less<>>& being_opened;
    std::string spec;
    ~Opening() { being_opened.erase(spec); }
};

/// Below a directory that may not be entered a file may well be there.
std::string WhyUnseen(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) == 0 || errno == ENOENT || errno == ENOTDIR)
        return "names a file that does not exist: " + path;
    return "names a file that cannot be looked at (" + std::string(std::strerror(errno)) +
           "): " + path;
}

/// One after the other: of a server that does not answer, no more is asked.
async::Task<std::vector<Refusal>> TryTablesOfOneServer(std::vector<NamedTable> tables) {
    std::vector<Refusal> refusals;
    for (const NamedTable& each : tables) {
        try {
            co_await each.table->Try();
        } catch (const outage::TableRefuses& refusal) {
            if (refusal.IsMistake()) refusals.push_back({each.identity, refusal.what()});
        } catch (const outage::TableUnavailable& failure) {
            if (failure.IsMistake()) refusals.push_back({each.identity, failure.what()});
            co_return refusals;
        }
    }
    co_return refusals;
}

async::Task<bool> Answers(LookupTable& table) {
    try {
        co_await table.Try();
        co_return true;
    } catch (const outage::TableUnavailable&) {
        co_return false;
    }
}

}  // namespace

TableRegistry::TableRegistry(async::EventLoop& loop, TableSettings settings,
                             std::shared_ptr<TableContents> contents)
    : loop_(loop), settings_(std::move(settings)), contents_(std::move(contents)) {
    if (!settings_.warn)
        settings_.warn = [](const std::string& warning) { log::Warning("table: {}", warning); };
}

TableRegistry::~TableRegistry() = default;

struct TableRegistry::Type {
    std::string_view name;
    std::unique_ptr<LookupTable> (*make)(TableRegistry& registry, const Type& type,
                                         const std::string& table, Way way);
    std::string_view suffix{};  ///< of the file that postmap compiles of a table's text
    /// Sets ways apart in which the table is another one.
    std::string (*mark)(Way way) = [](Way) { return std::string(); };
};

/// Every type of table.
std::span<const TableRegistry::Type> TableRegistry::Types() {
    using Table = std::unique_ptr<LookupTable>;
    using Name = std::string;
    static constexpr auto make_compiled = [](TableRegistry& registry, const Type& type,
                                             const Name& path, Way) -> Table {
        return registry.MakeCompiled(type, path);
    };
    static constexpr auto by_reader = [](Way way) { return Mark(way.reader); };
    static constexpr auto by_substitution = [](Way way) { return Mark(way.substitution); };
    static constexpr Type kTypes[] = {
        {"mysql",
         [](TableRegistry& registry, const Type&, const Name& path, Way) -> Table {
             return registry.MakeMysql(path);
         }},
        {"sqlite",
         [](TableRegistry& registry, const Type&, const Name& path, Way) -> Table {
             return registry.MakeSqlite(path);
         }},
        {"hash", make_compiled, ".db"},
        {"btree", make_compiled, ".db"},
        {"lmdb", make_compiled, ".lmdb"},
        {"cdb", make_compiled, ".cdb"},
        {"dbm", make_compiled, ".pag"},
        {"sdbm", make_compiled, ".pag"},
        {"texthash",
         [](TableRegistry& registry, const Type&, const Name& path, Way way) -> Table {
             return registry.MakeTexthash(path, way.reader);
         },
         "", by_reader},
        {"cidr",
         [](TableRegistry& registry, const Type&, const Name& rules, Way) -> Table {
             return registry.MakeCidr(rules);
         }},
        {"regexp",
         [](TableRegistry& registry, const Type&, const Name& rules, Way way) -> Table {
             return registry.MakePatterns(PatternSyntax::kPosix, "regexp:", rules,
                                          way.substitution);
         },
         "", by_substitution},
        {"pcre",
         [](TableRegistry& registry, const Type&, const Name& rules, Way way) -> Table {
             return registry.MakePatterns(PatternSyntax::kPerl, "pcre:", rules, way.substitution);
         },
         "", by_substitution},
        {"inline",
         [](TableRegistry&, const Type&, const Name& rows, Way way) -> Table {
             return std::make_unique<InlineTable>(rows, way.reader);
         },
         "", by_reader},
        {"static",
         [](TableRegistry&, const Type&, const Name& value, Way) -> Table {
             return std::make_unique<StaticTable>(value);
         }},
    };
    return kTypes;
}

bool TableRegistry::Knows(std::string_view type) {
    const auto types = Types();
    return std::any_of(types.begin(), types.end(),
                       [type](const Type& known) { return known.name == type; });
}

const TableRegistry::Type& TableRegistry::TypeOf(std::string_view name, std::string_view spec) {
    std::string known;
    for (const Type& each : Types()) {
        if (each.name == name) return each;
        const bool is_last = &each == &Types().back();
        known.append(known.empty() ? "" : is_last ? " and " : ", ").append(each.name);
    }
    throw config::ConfigError("\"" + text::EscapedForLog(spec) + "\": the table types are " +
                              known);
}

LookupTable& TableRegistry::Open(std::string_view spec, Substitution substitution) {
    return OpenAs({settings_.reader, substitution}, spec);
}

LookupTable& TableRegistry::OpenInList(std::string_view spec) {
    return OpenAs({ReadAs::kUnfolded, Substitution::kAllowed}, spec);
}

LookupTable& TableRegistry::OpenForVirtual(std::string_view spec) {
    return OpenAs({ReadAs::kUnfolded, Substitution::kForbiddenToVirtual}, WithoutProxy(spec));
}

LookupTable& TableRegistry::OpenAs(Way way, std::string_view spec) {
    const std::string_view bare = WithoutProxy(spec);
    if (bare.size() < spec.size()) way.reader = ReadAs::kProxymap;
    const std::size_t colon = bare.find(':');
    if (colon == std::string_view::npos) {
        throw config::ConfigError("\"" + text::EscapedForLog(bare) +
                                  "\" is no table: write type:name, for instance "
                                  "mysql:/etc/postfix/mysql-virtual_forwardings.cf");
    }
    const Type& type = TypeOf(bare.substr(0, colon), bare);
    const std::string identity = type.mark(way) + std::string(bare);
    const auto known = tables_.find(identity);
    if (known != tables_.end()) return *known->second;
    if (!being_opened_.emplace(bare).second) {
        throw config::ConfigError("\"" + text::EscapedForLog(bare) +
                                  "\": its own \"domain\" parameter names it");
    }
    const Opening until_it_is_open{being_opened_, std::string(bare)};
    auto table = type.make(*this, type, std::string(bare.substr(colon + 1)), way);
    return *tables_.emplace(identity, std::move(table)).first->second;
}

std::unique_ptr<LookupTable> TableRegistry::MakeTexthash(const std::string& path, ReadAs reader) {
    contents_->Note(path);
    const auto name = [&path](ReadAs as) { return Mark(as) + "texthash:" + path; };
    for (const ReadAs other : {ReadAs::kDaemon, ReadAs::kUnfolded, ReadAs::kProxymap}) {
        auto rows = contents_->Find<TexthashRows>(name(other));
        if (rows && rows->is_the_same_to_all)
            return std::make_unique<TexthashTable>("texthash:" + path, std::move(rows));
    }
    auto rows = contents_->Get<TexthashRows>(
        name(reader), [&] { return ReadTexthash(path, settings_.warn, reader); });
    if (!rows->mistake.empty()) contents_->NoteMistake(rows->mistake);
    return std::make_unique<TexthashTable>("texthash:" + path, std::move(rows));
}

std::unique_ptr<LookupTable> TableRegistry::MakeCompiled(const Type& type,
                                                         const std::string& path) {
    const std::string name = std::string(type.name) + ':' + path;
    return std::make_unique<CompiledTable>(contents_->Compiled(name, [&] {
        return std::make_shared<CompiledText>(name, path, path + std::string(type.suffix),
                                              settings_.warn);
    }));
}

std::unique_ptr<LookupTable> TableRegistry::MakeCidr(const std::string& name) {
    if (!IsInlineRules(name)) contents_->Note(name);
    auto rules =
        contents_->Get<CidrRules>("cidr:" + name, [&] { return ReadCidr(name, settings_.warn); });
    return std::make_unique<CidrTable>(name, std::move(rules));
}

std::unique_ptr<LookupTable> TableRegistry::MakePatterns(PatternSyntax syntax,
                                                         const std::string& type,
                                                         const std::string& name,
                                                         Substitution substitution) {
    if (!IsInlineRules(name)) contents_->Note(name);
    auto rules = contents_->Get<PatternRules>(Mark(substitution) + type + name, [&] {
        return ReadPatterns(syntax, substitution, name, settings_.warn);
    });
    return std::make_unique<PatternTable>(type + name, syntax, std::move(rules));
}

std::unique_ptr<LookupTable> TableRegistry::MakeMysql(const std::string& path) {
    RequirePath("mysql", path);
    const auto contents = ReadFile(path);
    const TableFile& file = *contents;
    file.WarnOfAllBut({"hosts",          "user",          "password",      "dbname",
                       "query",          "result_format", "domain",        "expansion_limit",
                       "option_file",    "option_group",  "charset",       "require_result_set",
                       "retry_interval", "idle_interval", "tls_cert_file", "tls_key_file",
                       "tls_CAfile",     "tls_CApath",    "tls_ciphers",   "tls_verify_cert",
                       "select_field",   "table",         "where_field",   "additional_conditions"},
                      settings_.warn);
    SqlLookup lookup = MakeSqlLookup("mysql:" + path, file);
    if (!file.Text("password").empty() && file.MayBeReadByEverybody())
        settings_.warn(path + ": everybody may read the password in it (chmod o-r)");
    const bool needs_result_set = file.YesOrNo("require_result_set", true);
    const auto account = ReadAccount(file, settings_.mysql_time_limit, settings_.warn);
    for (const std::string& read :
         {account.option_file, account.tls.key_file, account.tls.cert_file, account.tls.ca_file})
        if (!read.empty()) contents_->Note(read);
    std::shared_ptr<MysqlTable::Servers>& servers = mysql_servers_[account];
    if (!servers) servers = MakeServers(account);
    return std::make_unique<MysqlTable>(std::move(lookup), needs_result_set, servers);
}

std::size_t TableRegistry::MysqlServers() const {
    std::size_t count = 0;
    for (const auto& [account, servers] : mysql_servers_) count += account.servers.size();
    return count;
}

std::shared_ptr<MysqlTable::Servers> TableRegistry::MakeServers(const mysql::Account& account) {
    const auto board = std::make_shared<mysql::ServerBoard>(account, settings_.mysql_connections,
                                                            settings_.telling);
    std::string name = "mysql";
    for (const mysql::Server& server : account.servers) name += ':' + server.ToText();
    name += '/' + account.database;
    return std::shared_ptr<MysqlTable::Servers>(
        new MysqlTable::Servers{{loop_.Raw(), board},
                                {name, [&loop = loop_] { return loop.Now(); }, settings_.telling},
                                loop_.Raw(),
                                settings_.mysql_time_limit + kServersMargin});
}

std::unique_ptr<LookupTable> TableRegistry::MakeSqlite(const std::string& path) {
    RequirePath("sqlite", path);
    const auto contents = ReadFile(path);
    const TableFile& file = *contents;
    file.WarnOfAllBut({"dbpath", "query", "result_format", "domain", "expansion_limit",
                       "select_field", "table", "where_field", "additional_conditions"},
                      settings_.warn);
    SqlLookup lookup = MakeSqlLookup("sqlite:" + path, file);
    const std::string database = file.NeededText("dbpath");
    if (!contents_->Note(database, FileStamp::Of::kPlace))
        file.Refuse("dbpath", WhyUnseen(database));
    std::shared_ptr<SqliteTable::File>& shared = sqlite_files_[database];
    if (!shared) {
        const auto open = [database] {
            return std::make_unique<SqliteFile>(database, kSqlitePatience);
        };
        shared = std::shared_ptr<SqliteTable::File>(new SqliteTable::File{
            {loop_.Raw(), 1, open},
            {"sqlite:" + database, [&loop = loop_] { return loop.Now(); }, settings_.telling}});
    }
    return std::make_unique<SqliteTable>(std::move(lookup), shared);
}

std::shared_ptr<const TableFile> TableRegistry::ReadFile(const std::string& path) {
    contents_->Note(path);
    return contents_->Get<TableFile>(kParameters + path,
                                     [&] { return TableFile(path, settings_.warn); });
}

SqlLookup TableRegistry::MakeSqlLookup(const std::string& name, const TableFile& file) {
    const auto open = [this](const std::string& parameter, const std::string& list) {
        return OpenDomainList(parameter, {list}, DomainList::Matching::kExact);
    };
    return SqlLookup(name, file, open);
}

TableChain TableRegistry::OpenChain(const std::string& parameter,
                                    const std::vector<std::string>& lists,
                                    Substitution substitution) {
    return MakeChain(parameter, lists, [this, substitution](std::string_view spec) -> LookupTable& {
        return Open(spec, substitution);
    });
}

TableChain TableRegistry::OpenChainForVirtual(const std::string& parameter,
                                              const std::vector<std::string>& lists) {
    return MakeChain(parameter, lists, [this](std::string_view spec) -> LookupTable& {
        return OpenForVirtual(spec);
    });
}

DomainList TableRegistry::OpenDomainList(const std::string& parameter,
                                         const std::vector<std::string>& lists,
                                         DomainList::Matching matching) {
    const auto open = [this](std::string_view spec) -> LookupTable& { return OpenInList(spec); };
    const auto open_file = [this](const std::string& path) {
        contents_->Note(path);
        return contents_->Get<ListParts>("list:" + path,
                                         [&] { return ReadListFile(path, settings_.warn); });
    };
    return DomainList(parameter, lists, matching, open, open_file, settings_.warn);
}

bool TableRegistry::IsAsIn(const TableRegistry& before, const std::string& identity) const {
    if (!before.tables_.contains(identity)) return false;
    const std::string name = kParameters + identity.substr(identity.find(':') + 1);
    const auto file = contents_->Find<TableFile>(name);
    const auto file_before = before.contents_->Find<TableFile>(name);
    return file && file_before && file->SaysTheSameAs(*file_before);
}

async::Task<std::vector<std::string>> TableRegistry::Refusals(const TableRegistry& before) {
    std::map<const void*, std::vector<NamedTable>> by_server;
    for (const auto& [identity, table] : tables_)
        if (table->Server() != nullptr && !IsAsIn(before, identity))
            by_server[table->Server()].push_back({identity, table.get()});
    std::vector<async::Task<std::vector<Refusal>>> trials;
    for (auto& [server, tables] : by_server)
        trials.push_back(TryTablesOfOneServer(std::move(tables)));
    const std::vector<std::vector<Refusal>> refused = co_await async::WhenAll(std::move(trials));
    std::vector<std::string> refusals;
    for (const std::vector<Refusal>& of_server : refused) {
        for (const Refusal& refusal : of_server) {
            const auto table_before = before.tables_.find(refusal.identity);
            bool is_news = true;
            if (table_before != before.tables_.end())
                is_news = co_await Answers(*table_before->second);
            if (is_news) refusals.push_back(refusal.why);
        }
    }
    co_return refusals;
}

}  // namespace policyd::tables
