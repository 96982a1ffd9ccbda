#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/expansion.hpp"
#include "common/config/settings.hpp"
#include "common/sqlite/database.hpp"
#include "common/text/ascii.hpp"
#include "common/text/fold_case.hpp"
#include "tests/support/mariadb_server.hpp"
#include "tests/support/postfix_instance.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::agreement {

using Rows = std::map<std::string, std::string>;

/// A mail system like the how-to's: its tables, and main.cf parameters that differ from those of
/// BaseParameters().
struct Site {
    std::set<std::string> domains;
    std::set<std::string> users;
    Rows forwardings;
    Rows transport;
    Rows canonical;
    Rows relocated;
    Rows parameters;
    /// Tables have a key twice, which Postfix does not use as text files.
    bool is_spoilt = false;

    std::string Described() const;
};

inline std::string Site::Described() const {
    std::ostringstream text;
    for (const auto& domain : domains) text << "  domain     " << domain << '\n';
    for (const auto& user : users) text << "  user       " << user << '\n';
    for (const auto& [key, value] : forwardings)
        text << "  forwarding " << key << " -> \"" << value << "\"\n";
    for (const auto& [key, value] : transport)
        text << "  transport  " << key << " -> \"" << value << "\"\n";
    for (const auto& [key, value] : canonical)
        text << "  canonical  " << key << " -> \"" << value << "\"\n";
    for (const auto& [key, value] : relocated)
        text << "  relocated  " << key << " -> \"" << value << "\"\n";
    for (const auto& [key, value] : parameters) text << "  " << key << " = " << value << '\n';
    return text.str();
}

/// The Maildir of a users row, by the how-to's query.
inline std::string MaildirOf(const std::string& email) {
    const std::size_t at = email.rfind('@');
    const std::string domain = at == email.npos ? email : email.substr(at + 1);
    return domain + '/' + email.substr(0, email.find('@')) + '/';
}

/// Where the tables of a site are kept.
class TableStore {
public:
    virtual ~TableStore() = default;
    /// Makes the tables anew with the rows of a site.
    virtual void Fill(const Site& site) = 0;
    /// The main.cf name of one of: domains, forwardings, email2email, mailboxes, quotas, transport,
    /// canonical, relocated.
    virtual std::string Table(const std::string& name) const = 0;
    /// Whether rows can be kept faithfully: text files have no room for some.
    virtual bool CanHold(const std::string& key, const std::string& value) const = 0;
};

inline bool CanHoldAll(const TableStore& store, const Site& site) {
    bool can = true;
    for (const Rows* rows : {&site.forwardings, &site.transport, &site.canonical, &site.relocated})
        for (const auto& [key, value] : *rows) can &= store.CanHold(key, value);
    for (const auto& user : site.users) can &= store.CanHold(user, user);
    return can;
}

inline std::string Literal(const std::string& text, bool doubles_backslashes) {
    std::string literal = "'";
    for (const char c : text) {
        if (c == '\'' || (c == '\\' && doubles_backslashes)) literal += c;
        literal += c;
    }
    return literal + "'";
}

/// The rows of a site as INSERT statements.
inline std::string Inserts(const Site& site, bool doubles_backslashes) {
    const auto literal = [&](const std::string& text) {
        return Literal(text, doubles_backslashes);
    };
    std::string sql;
    for (const auto& domain : site.domains)
        sql += "INSERT INTO domains VALUES (" + literal(domain) + ");\n";
    for (const auto& user : site.users) {
        sql += "INSERT INTO users VALUES (" + literal(user) + ", 10485760, " +
               literal(MaildirOf(user)) + ");\n";
    }
    const std::pair<const char*, const Rows*> maps[] = {{"forwardings", &site.forwardings},
                                                        {"transport", &site.transport},
                                                        {"canonical", &site.canonical},
                                                        {"relocated", &site.relocated}};
    for (const auto& [name, rows] : maps) {
        for (const auto& [key, value] : *rows) {
            sql += "INSERT INTO " + std::string(name) + " VALUES (" + literal(key) + ", " +
                   literal(value) + ");\n";
        }
    }
    return sql;
}

/// The query of each table.
inline const Rows& Queries() {
    static const Rows queries{
        {"domains", "SELECT domain FROM domains WHERE domain='%s'"},
        {"forwardings", "SELECT destination FROM forwardings WHERE source='%s'"},
        {"email2email", "SELECT email FROM users WHERE email='%s'"},
        {"mailboxes", "SELECT maildir FROM users WHERE email='%s'"},
        {"quotas", "SELECT quota FROM users WHERE email='%s'"},
        {"transport", "SELECT transport FROM transport WHERE domain='%s'"},
        {"canonical", "SELECT destination FROM canonical WHERE source='%s'"},
        {"relocated", "SELECT destination FROM relocated WHERE source='%s'"},
    };
    return queries;
}

/// SQL tables behind .cf files of one type.
class SqlStore : public TableStore {
public:
    std::string Table(const std::string& name) const override {
        return type_ + ":" + (scratch_ / (name + ".cf")).string();
    }
    bool CanHold(const std::string&, const std::string&) const override { return true; }

protected:
    SqlStore(std::string type, const std::string& connection) : type_(std::move(type)) {
        for (const auto& [name, query] : Queries())
            scratch_.Write(name + ".cf", connection + "query = " + query + '\n');
        test::MakeLookSettled(scratch_.Path());
    }

    test::ScratchDirectory scratch_;

private:
    std::string type_;
};

class SqliteStore final : public SqlStore {
public:
    explicit SqliteStore(const std::filesystem::path& directory)
        : SqlStore("sqlite", "dbpath = " + (directory / "mail.sqlite").string() + '\n'),
          file_(directory / "mail.sqlite") {}

    void Fill(const Site& site) override {
        std::filesystem::remove(file_);
        Execute(
            "BEGIN; CREATE TABLE domains (domain TEXT PRIMARY KEY);"
            "CREATE TABLE users (email TEXT PRIMARY KEY, quota INTEGER, maildir TEXT);"
            "CREATE TABLE forwardings (source TEXT PRIMARY KEY, destination TEXT);"
            "CREATE TABLE transport (domain TEXT PRIMARY KEY, transport TEXT);"
            "CREATE TABLE canonical (source TEXT PRIMARY KEY, destination TEXT);"
            "CREATE TABLE relocated (source TEXT PRIMARY KEY, destination TEXT);" +
            Inserts(site, false) + "COMMIT;");
    }

    void Execute(const std::string& sql) {
        sqlite3* database = nullptr;
        char* message = nullptr;
        sqlite3_open(file_.c_str(), &database);
        const int code = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &message);
        const std::string error = message == nullptr ? "" : message;
        sqlite3_free(message);
        sqlite3_close(database);
        if (code != SQLITE_OK) throw std::runtime_error("sqlite: " + error + " in " + sql);
        std::filesystem::permissions(file_, std::filesystem::perms(0644));
    }

private:
    std::filesystem::path file_;
};

/// As the how-to has it: Postfix asks most tables by way of proxymap(8).
class MariaDbStore final : public SqlStore {
public:
    explicit MariaDbStore(test::MariaDbServer& server)
        : SqlStore("mysql",
                   "hosts = " + server.Hosts() + "\nuser = root\npassword =\ndbname = mail\n"),
          server_(server) {}

    void Fill(const Site& site) override {
        const std::string key = "VARCHAR(255) NOT NULL PRIMARY KEY";
        server_.Execute(
            "DROP DATABASE IF EXISTS mail; CREATE DATABASE mail CHARACTER SET utf8mb4; USE mail;"
            "CREATE TABLE domains (domain " +
            key +
            ");"
            "CREATE TABLE users (email " +
            key +
            ", quota BIGINT UNSIGNED, maildir TEXT);"
            "CREATE TABLE forwardings (source " +
            key +
            ", destination TEXT);"
            "CREATE TABLE transport (domain " +
            key +
            ", transport TEXT);"
            "CREATE TABLE canonical (source " +
            key +
            ", destination TEXT);"
            "CREATE TABLE relocated (source " +
            key + ", destination TEXT);" + Inserts(site, true));
    }

    std::string Table(const std::string& name) const override {
        const bool is_direct = name == "email2email";
        return (is_direct ? "" : "proxy:") + SqlStore::Table(name);
    }

private:
    test::MariaDbServer& server_;
};

/// Text files, as texthash: or as one of the types that postmap compiles of them.
class TextStore final : public TableStore {
public:
    explicit TextStore(std::string type) : type_(std::move(type)) {}

    void Fill(const Site& site) override {
        Rows domains, email2email, mailboxes, quotas;
        for (const auto& domain : site.domains) domains[domain] = domain;
        for (const auto& user : site.users) {
            email2email[user] = user;
            mailboxes[user] = MaildirOf(text::FoldCase(user));
            quotas[user] = "10485760";
        }
        Write("domains", domains);
        Write("forwardings", site.forwardings);
        Write("email2email", email2email);
        Write("mailboxes", mailboxes);
        Write("quotas", quotas);
        Write("transport", site.transport);
        Write("canonical", site.canonical);
        Write("relocated", site.relocated);
        test::MakeLookSettled(scratch_.Path());
    }
    std::string Table(const std::string& name) const override {
        return type_ + ":" + (scratch_ / name).string();
    }
    bool CanHold(const std::string& key, const std::string& value) const override {
        return key.find_first_of(" \t\n\"#\\") == key.npos && !key.empty() && !value.empty() &&
               value.find('\n') == value.npos && !text::IsBlank(value.front()) &&
               !text::IsBlank(value.back());
    }

private:
    void Write(const std::string& name, const Rows& rows) {
        std::string content;
        for (const auto& [key, value] : rows) content += key + '\t' + value + '\n';
        scratch_.Write(name, content);
        if (type_ == "texthash") return;
        const auto compiled = test::Run({"postmap", Table(name)});
        EXPECT_EQ(compiled.status, 0) << compiled.errors;
    }

    const std::string type_;
    test::ScratchDirectory scratch_;
};

/// What every site starts from: the how-to's settings, and nothing that Postfix would find out from
/// the machine.
inline Rows BaseParameters(const TableStore& store) {
    return {
        {"myhostname", "mx.lab.test"},
        {"mydomain", "lab.test"},
        {"myorigin", "$myhostname"},
        {"mydestination", "$myhostname, localhost"},
        {"local_recipient_maps", ""},
        {"relay_domains", ""},
        {"relay_recipient_maps", ""},
        {"virtual_alias_domains", ""},
        {"virtual_alias_maps", store.Table("forwardings") + ", " + store.Table("email2email")},
        {"virtual_mailbox_domains", store.Table("domains")},
        {"virtual_mailbox_maps", store.Table("mailboxes")},
        {"transport_maps", store.Table("transport")},
        {"recipient_canonical_maps", ""},
        {"canonical_maps", ""},
        {"relocated_maps", ""},
        {"virtual_transport", "virtual"},
        {"recipient_delimiter", ""},
        {"swap_bangpath", "yes"},
        {"allow_percent_hack", "yes"},
        {"append_at_myorigin", "yes"},
        {"append_dot_mydomain", "yes"},
    };
}

/// Stands for the value that Postfix, and we, take where a parameter is not set.
inline constexpr const char* kPostfixsOwn = "(not set)";

/// The parameters of a site. `@canonical` and its like stand for the tables of these names.
inline Rows ParametersOf(const Site& site, const TableStore& store) {
    Rows parameters = BaseParameters(store);
    for (const auto& [name, value] : site.parameters) {
        if (value == kPostfixsOwn) {
            parameters.erase(name);
            continue;
        }
        std::string& actual = parameters[name] = value;
        for (const auto& [table, query] : Queries()) {
            const std::string place = '@' + table;
            for (std::size_t at; (at = actual.find(place)) != actual.npos;)
                actual.replace(at, place.size(), store.Table(table));
        }
    }
    return parameters;
}

/// The same parameters as our settings.
inline config::Settings SettingsOf(const Site& site, const TableStore& store) {
    config::Settings settings;
    using Set = std::function<void(const std::string&)>;
    const auto text = [&](std::string config::Settings::*field) -> Set {
        return [&settings, field](const std::string& value) { settings.*field = value; };
    };
    const auto flag = [&](bool config::Settings::*field) -> Set {
        return [&settings, field](const std::string& value) { settings.*field = value == "yes"; };
    };
    const auto number = [&](std::uint64_t config::Settings::*field) -> Set {
        return
            [&settings, field](const std::string& value) { settings.*field = std::stoull(value); };
    };
    const auto words = [&](config::Strings config::Settings::*field) -> Set {
        return [&settings, field](const std::string& value) {
            settings.*field = {};
            for (const auto word : text::SplitAtAny(value, ", "))
                (settings.*field).emplace_back(word);
        };
    };
    const auto list = [&](config::Strings config::Settings::*field) -> Set {
        return [&settings, field](const std::string& value) { settings.*field = {value}; };
    };
    using S = config::Settings;
    const std::map<std::string, Set> setters{
        {"myhostname", text(&S::myhostname)},
        {"mydomain", text(&S::mydomain)},
        {"myorigin", text(&S::myorigin)},
        {"recipient_delimiter", text(&S::recipient_delimiter)},
        {"owner_request_special", flag(&S::owner_request_special)},
        {"double_bounce_sender", text(&S::double_bounce_sender)},
        {"local_transport", text(&S::local_transport)},
        {"virtual_transport", text(&S::virtual_transport)},
        {"relay_transport", text(&S::relay_transport)},
        {"default_transport", text(&S::default_transport)},
        {"swap_bangpath", flag(&S::swap_bangpath)},
        {"allow_percent_hack", flag(&S::allow_percent_hack)},
        {"append_at_myorigin", flag(&S::append_at_myorigin)},
        {"append_dot_mydomain", flag(&S::append_dot_mydomain)},
        {"virtual_alias_expansion_limit", number(&S::virtual_alias_expansion_limit)},
        {"virtual_alias_recursion_limit", number(&S::virtual_alias_recursion_limit)},
        {"virtual_alias_address_length_limit", number(&S::virtual_alias_address_length_limit)},
        {"mydestination", list(&S::mydestination)},
        {"local_recipient_maps", list(&S::local_recipient_maps)},
        {"relay_domains", list(&S::relay_domains)},
        {"relay_recipient_maps", list(&S::relay_recipient_maps)},
        {"recipient_canonical_maps", list(&S::recipient_canonical_maps)},
        {"canonical_maps", list(&S::canonical_maps)},
        {"relocated_maps", list(&S::relocated_maps)},
        {"virtual_alias_domains", list(&S::virtual_alias_domains)},
        {"virtual_alias_maps", list(&S::virtual_alias_maps)},
        {"virtual_mailbox_domains", list(&S::virtual_mailbox_domains)},
        {"virtual_mailbox_maps", list(&S::virtual_mailbox_maps)},
        {"transport_maps", list(&S::transport_maps)},
        {"parent_domain_matches_subdomains", words(&S::parent_domain_matches_subdomains)},
        {"propagate_unmatched_extensions", words(&S::propagate_unmatched_extensions)},
        {"canonical_classes", words(&S::canonical_classes)},
        {"recipient_canonical_classes", words(&S::recipient_canonical_classes)},
    };
    for (const auto& [name, value] : ParametersOf(site, store)) setters.at(name)(value);
    settings.inet_interfaces = {"127.0.0.1"};
    settings.virtual_mailbox_limit_maps = {store.Table("quotas")};
    return config::Expanded(settings);
}

}  // namespace policyd::agreement
