#pragma once

#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "common/sqlite/database.hpp"
#include "common/text/fold_case.hpp"
#include "tests/support/mariadb_server.hpp"
#include "tests/support/postfix_instance.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

/// Tables, and what follows them.
struct Restrictions {
    std::vector<std::string> tables;    ///< their names
    std::vector<std::string> contents;  ///< for people
    bool refuses_others = true;
    bool parents_match_subdomains = true;
};

struct Client {
    std::string name;  ///< "unknown": none
    std::string address;
};

/// Makes the same tables and clients from the same seed.
class ClientAccessGenerator {
public:
    ClientAccessGenerator(std::uint64_t seed, const ScratchDirectory& scratch,
                          MariaDbServer& server)
        : random_(seed), scratch_(scratch), server_(server) {
        server_.Execute("CREATE DATABASE clients CHARACTER SET utf8mb4");
    }

    Restrictions MakeRestrictions() {
        Restrictions setup;
        has_restrictions_ = Below(3) == 0;
        for (int i = Below(3) + 1; i > 0; --i) AddTable(setup);
        setup.refuses_others = Below(2) != 0;
        setup.parents_match_subdomains = Below(4) != 0;
        return setup;
    }

    Client MakeClient() {
        static constexpr const char* kNames[] = {"unknown",
                                                 "mail.example.com",
                                                 "MAIL.Example.COM",
                                                 "a.mail.example.com",
                                                 "example.com",
                                                 "example.org",
                                                 "mx.unknown",
                                                 "com",
                                                 "localhost",
                                                 "unknown",
                                                 "x.y.z.example.org",
                                                 "xn--bcher-kva.example",
                                                 "1.2.0.192.in-addr.arpa",
                                                 "192.0.2.x",
                                                 "192.0.2.1.example.com",
                                                 "under_score.example.com",
                                                 "a.b.c.d.e.f.g.example.com",
                                                 "xexample.com"};
        static constexpr const char* kAddresses[] = {"192.0.2.1",
                                                     "192.0.2.200",
                                                     "192.0.3.1",
                                                     "198.51.100.7",
                                                     "10.0.0.1",
                                                     "2001:db8::1",
                                                     "2001:db8::6",
                                                     "::1",
                                                     "2001:db8:1::1",
                                                     "2002:db8::1",
                                                     "::ffff:192.0.2.1",
                                                     "2001:DB8:0:0:0:0:0:1",
                                                     "1.0.0.1",
                                                     "255.255.255.255",
                                                     "2001:db8:0:1:2:3:4:5",
                                                     "fe80::1"};
        return {Any(kNames), Any(kAddresses)};
    }

private:
    int Below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
    template <std::size_t N>
    std::string Any(const char* const (&choices)[N]) {
        return choices[Below(static_cast<int>(N))];
    }

    std::string Key() {
        static constexpr const char* kKeys[] = {"unknown",
                                                "mail.example.com",
                                                "example.com",
                                                ".example.com",
                                                "com",
                                                ".com",
                                                "example.org",
                                                ".org",
                                                "192.0.2.1",
                                                "192.0.2",
                                                "192.0",
                                                "192",
                                                "192.0.2.",
                                                "192.0.2.0/24",
                                                "198.51.100",
                                                "10",
                                                "2001:db8::1",
                                                "2001:db8:",
                                                "2001:db8",
                                                "2001",
                                                "2001:db8:0:0:0:0:0:6",
                                                "2001:db8:1",
                                                "::1",
                                                ":",
                                                "[192.0.2.1]",
                                                "localhost",
                                                "Example.COM",
                                                "z.example.org",
                                                "arpa",
                                                "192.0.2.x",
                                                ".unknown",
                                                "2001:db8:0",
                                                "2001:db8:0:1",
                                                "2001:DB8::1",
                                                "::ffff:192.0.2.1",
                                                "fe80",
                                                "255"};
        return Any(kKeys);
    }
    /// One that is not in the table yet: smtpd answers nobody from a file that has a key twice.
    std::string FreshKey(std::set<std::string>& taken) {
        for (;;) {
            std::string key = Key();
            if (taken.insert(text::FoldCase(key)).second) return key;
        }
    }
    std::string Network() {
        static constexpr const char* kNetworks[] = {"192.0.2.0/24",
                                                    "192.0.2.1",
                                                    "192.0.0.0/16",
                                                    "!192.0.2.0/24",
                                                    "0.0.0.0/0",
                                                    "2001:db8::/32",
                                                    "::/0",
                                                    "2001:db8::1",
                                                    "198.51.100.0/25",
                                                    "10.0.0.1/8",
                                                    "if 192.0.2.0/24\n0.0.0.0/0",
                                                    "!2001:db8::/48",
                                                    "::ffff:0:0/96"};
        return Any(kNetworks);
    }
    /// Of names and addresses; "$1" has a value where the result wants one.
    std::string Pattern() {
        static constexpr const char* kPatterns[] = {"/^(192)\\.0\\.2\\./",
                                                    "/^mail\\.(.*)$/",
                                                    "/(example)\\.com$/",
                                                    "/^(2001):db8:/",
                                                    "!/^(?!x)unknown$/",
                                                    "/^unknown$/",
                                                    "/^[A-Z.]*(EXAM)/i",
                                                    "/^([0-9.]+)$/",
                                                    "/:/",
                                                    "/(.)(.)/",
                                                    "if /example/\n/(mail)/",
                                                    "if !/example/\n/./",
                                                    "/^(10|198)[.]/",
                                                    "|(/)|",
                                                    "!/(e)/",
                                                    "/^(.*)\\.org$/"};
        return Any(kPatterns);
    }
    std::string ValueOfPattern() {
        static constexpr const char* kResults[] = {
            "REJECT $1 is not welcome", "550 5.7.1 <$1>", "450 $$1 later", "DEFER $1", "$1",
            "REJECT ${1}${2}",          "WARN $1"};
        return Below(3) == 0 ? Any(kResults) : Value();
    }
    /// Restrictions and actions on the message do not meet in one setup: see the test.
    std::string Value() {
        for (;;) {
            std::string value = AnyValue();
            const std::string word = value.substr(0, value.find(' '));
            const bool acts = word == "HOLD" || word == "hold" || word == "FILTER" ||
                              word == "REDIRECT" || word == "BCC" || word == "PREPEND" ||
                              word == "DISCARD" || word == "discard";
            const bool restricts = value.find('_') != value.npos &&
                                   text::FoldCase(value).find("defer_if") == value.npos;
            if (!(has_restrictions_ ? acts : restricts)) return value;
        }
    }

    std::string AnyValue() {
        static constexpr const char* kValues[] = {
            "OK",
            "ok",
            "RELAY",
            "550",
            "12345",
            "0",
            "OK with text",
            "relay",
            "550 no",
            "554 5.7.1 Go away",
            "450 4.7.1 later",
            "450 5.7.1 mixed",
            "550 4.7.1 mixed",
            "521 5.7.1 bye",
            "421 4.7.1 bye",
            "599 odd",
            "REJECT",
            "reject no",
            "Reject 5.7.9 no",
            "REJECT 4.7.1 mixed",
            "DEFER",
            "defer later",
            "DEFER 5.7.1 x",
            "DUNNO",
            "dunno text",
            "HOLD",
            "hold text",
            "WARN hm",
            "warn",
            "INFO hm",
            "PREPEND X-A: b",
            "PREPEND X-B: c",
            "PREPEND :x",
            "PREPEND X A: b",
            "PREPEND bad",
            "PREPEND",
            "FILTER",
            "FILTER x",
            "FILTER smtp:[192.0.2.9]",
            "REDIRECT other@example.com",
            "REDIRECT copy@example.com",
            "REDIRECT x",
            "BCC copy@example.com",
            "BCC",
            "DISCARD",
            "discard text",
            "DEFER_IF_PERMIT",
            "DEFER_IF_PERMIT 4.7.0 soon",
            "defer_if_permit",
            "DEFER_IF_REJECT",
            "DEFER_IF_REJECT hm",
            "permit",
            "PERMIT",
            "nonsense",
            "250 hello",
            "600 x",
            "55 x",
            "5500 x",
            "OKAY",
            "reject_no_such_restriction",
            "reject_unknown_client_hostname",
            "reject_unknown_client_hostname, permit",
            "Reject_Unknown_Client_Hostname permit",
            "permit_mynetworks, reject",
            "permit_mynetworks reject_unauth_pipelining defer",
            "reject_unauth_pipelining",
            "reject_unauth_pipelining, reject",
            "permit_auth_destination, reject",
            "warn_if_reject reject_unknown_client_hostname",
            "check_client_access texthash:/x",
            "smtp:[192.0.2.1]",
            "OK, reject",
            "é",
            "4xx no"};
        return Any(kValues);
    }

    void AddTable(Restrictions& setup) {
        const std::string name = "table" + std::to_string(++tables_);
        std::string content;
        std::set<std::string> taken;
        const int rows = Below(12) + 3;
        const int kind = Below(7);
        if (kind > 4) {
            for (int i = 0; i < rows; ++i) {
                const std::string pattern = Pattern();
                content += pattern + " " + ValueOfPattern() + "\n";
                if (pattern.starts_with("if")) content += "endif\n";
            }
            Keep(setup, kind == 5 ? "regexp:" : "pcre:", name, content);
        } else if (kind == 0) {
            for (int i = 0; i < rows; ++i) {
                const std::string network = Network();
                content += network + " " + Value() + "\n";
                if (network.substr(0, 2) == "if") content += "endif\n";
            }
            Keep(setup, "cidr:", name, content);
        } else if (kind == 1) {
            content = "inline:{";
            for (int i = 0; i < rows; ++i)
                content += " {" + Key() + " = " + (Below(20) == 0 ? "" : Value()) + "}";
            setup.tables.push_back(content + " }");
            setup.contents.emplace_back();
        } else if (kind == 2) {
            for (int i = 0; i < rows; ++i) content += FreshKey(taken) + " " + Value() + "\n";
            if (Below(8) == 0) content += Key() + " " + Value() + "\n";
            Keep(setup, "texthash:", name, content);
        } else {
            AddSqlTable(setup, name, rows, kind == 3 ? "sqlite" : "mysql");
        }
        if (kind != 1 && Below(4) == 0) setup.tables.back().insert(0, "proxy:");
    }

    void Keep(Restrictions& setup, const std::string& type, const std::string& name,
              const std::string& content) {
        const auto path = scratch_.Write(name, content);
        MakeLookSettled(path);
        setup.tables.push_back(type + path.string());
        setup.contents.push_back(content);
    }

    void AddSqlTable(Restrictions& setup, const std::string& name, int rows,
                     const std::string& type) {
        std::string inserts;
        const std::string table = type == "mysql" ? name : "t";
        for (int i = 0; i < rows; ++i)
            inserts += "INSERT INTO " + table + " VALUES ('" + Key() + "', '" + Value() + "');\n";
        std::string cf;
        if (type == "mysql") {
            server_.Execute("CREATE TABLE " + table + " (k TEXT, v TEXT); " + inserts, "clients");
            cf = "hosts = " + server_.Hosts() + "\nuser = root\ndbname = clients\n";
        } else {
            const auto path = scratch_ / (name + ".sqlite");
            sqlite::Database database(path, sqlite::Database::Mode::kReadWrite,
                                      std::chrono::milliseconds(0));
            database.Execute("BEGIN; CREATE TABLE t (k, v);\n" + inserts + "COMMIT");
            std::filesystem::permissions(path, std::filesystem::perms::others_read,
                                         std::filesystem::perm_options::add);  // by proxymap(8)
            cf = "dbpath = " + path.string() + "\n";
        }
        // A table that cannot answer, now and then. (Postfix's sqlite client is no judge of a query
        // that is wrong: it ends smtpd.)
        const bool is_broken = type == "mysql" && Below(10) == 0;
        cf += "expansion_limit = 1\nquery = SELECT v FROM " + (is_broken ? "nowhere" : table) +
              " WHERE k = '%s'\n";
        Keep(setup, type + ":", name + ".cf", cf);
        setup.contents.back() = cf + inserts;
    }

    std::mt19937_64 random_;
    const ScratchDirectory& scratch_;
    MariaDbServer& server_;
    int tables_ = 0;
    bool has_restrictions_ = false;
};

}  // namespace policyd::test
