#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/event_loop.hpp"
#include "common/outage/outage_log.hpp"
#include "common/tables/domain_list.hpp"
#include "common/tables/key_rules.hpp"
#include "common/tables/lookup_table.hpp"
#include "common/tables/mysql_table.hpp"
#include "common/tables/pattern_rules.hpp"
#include "common/tables/sqlite_table.hpp"
#include "common/tables/table_chain.hpp"
#include "common/tables/table_contents.hpp"
#include "common/tables/table_file.hpp"
#include "common/tables/warning_sink.hpp"

namespace policyd::tables {

/// How tables reach their servers and where they say what an administrator should know.
struct TableSettings {
    std::size_t mysql_connections = 4;                 ///< for each set of servers
    std::chrono::milliseconds mysql_time_limit{1500};  ///< to connect, and for each answer
    ReadAs reader = ReadAs::kDaemon;                   ///< of tables without proxy:
    WarningSink warn;  ///< called while tables are opened; the log if empty
    outage::Telling telling = outage::Telling::kLogAndMetrics;  ///< of outages of servers
};

/// Opens look-up tables by the names that main.cf gives them, and owns them. Belongs to one loop
/// thread, and so do its tables; destroyed when no look-up is under way.
///
/// The same name opened twice is the same table. Tables are read when they are opened: a reload
/// makes a new registry.
class TableRegistry {
public:
    /// Files are read through `contents`, which registries of several threads may share.
    TableRegistry(async::EventLoop& loop, TableSettings settings,
                  std::shared_ptr<TableContents> contents = std::make_shared<TableContents>());
    ~TableRegistry();
    TableRegistry(const TableRegistry&) = delete;
    TableRegistry& operator=(const TableRegistry&) = delete;

    /// Whether there are tables of this type, "mysql" for instance.
    static bool Knows(std::string_view type);

    /// `spec` is `type:name`; behind "proxy:" a table in memory is read as proxymap(8) reads it,
    /// and nothing else is different. Throws config::ConfigError for an unknown type, a file that
    /// cannot be read or one with a mistake. A server that is down is no reason not to open its
    /// table.
    LookupTable& Open(std::string_view spec, Substitution substitution = Substitution::kAllowed);
    /// As an element of a list of domains.
    LookupTable& OpenInList(std::string_view spec);
    /// As virtual(8) does, which takes no tables from proxymap(8) and no parts of a key into paths.
    LookupTable& OpenForVirtual(std::string_view spec);

    /// The tables of a parameter. Each element of `lists` is a list as main.cf has it: one table or
    /// several, separated by commas and blanks.
    TableChain OpenChain(const std::string& parameter, const std::vector<std::string>& lists,
                         Substitution substitution = Substitution::kAllowed);
    /// virtual_mailbox_maps once more, as virtual(8) has them.
    TableChain OpenChainForVirtual(const std::string& parameter,
                                   const std::vector<std::string>& lists);

    /// A parameter such as mydestination, whose elements are words, files and tables.
    DomainList OpenDomainList(const std::string& parameter, const std::vector<std::string>& lists,
                              DomainList::Matching matching);

    /// Of the tables that are open: MySQL servers of each account, to each of which there may be
    /// mysql_connections, and SQLite files, of which each is open once.
    std::size_t MysqlServers() const;
    std::size_t SqliteFiles() const { return sqlite_files_.size(); }

    /// What is wrong with tables that are open so that whoever has to be asked refuses to answer
    /// them: a query, a right, a password. Asks each that `before` has not opened, or with other
    /// parameters, and leaves out those that are not answered in `before` either. An outage is no
    /// mistake.
    async::Task<std::vector<std::string>> Refusals(const TableRegistry& before);

private:
    /// On which it depends, for some types, what a table says.
    struct Way {
        ReadAs reader;
        Substitution substitution;
    };
    struct Type;

    static std::span<const Type> Types();
    /// Throws config::ConfigError for an unknown one, with what it is part of.
    static const Type& TypeOf(std::string_view name, std::string_view spec);
    bool IsAsIn(const TableRegistry& before, const std::string& identity) const;
    LookupTable& OpenAs(Way way, std::string_view spec);
    std::unique_ptr<LookupTable> MakeTexthash(const std::string& path, ReadAs reader);
    std::unique_ptr<LookupTable> MakeCompiled(const Type& type, const std::string& path);
    std::unique_ptr<LookupTable> MakeCidr(const std::string& name);
    std::unique_ptr<LookupTable> MakePatterns(PatternSyntax syntax, const std::string& type,
                                              const std::string& name, Substitution substitution);
    std::unique_ptr<LookupTable> MakeMysql(const std::string& path);
    std::shared_ptr<MysqlTable::Servers> MakeServers(const mysql::Account& account);
    std::unique_ptr<LookupTable> MakeSqlite(const std::string& path);
    std::shared_ptr<const TableFile> ReadFile(const std::string& path);
    SqlLookup MakeSqlLookup(const std::string& name, const TableFile& file);

    async::EventLoop& loop_;
    TableSettings settings_;
    const std::shared_ptr<TableContents> contents_;
    std::set<std::string, std::less<>> being_opened_;
    std::map<mysql::Account, std::shared_ptr<MysqlTable::Servers>> mysql_servers_;
    std::map<std::string, std::shared_ptr<SqliteTable::File>> sqlite_files_;
    std::map<std::string, std::unique_ptr<LookupTable>, std::less<>> tables_;
};

}  // namespace policyd::tables
