#pragma once

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "common/sqlite/database.hpp"
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
    ClientAccessGenerator(std::uint64_t seed, const ScratchDirectory& scratch)
        : random_(seed), scratch_(scratch) {}

    Restrictions MakeRestrictions() {
        Restrictions setup;
        for (int i = Below(3) + 1; i > 0; --i) AddTable(setup);
        setup.refuses_others = Below(3) != 0;
        setup.parents_match_subdomains = Below(4) != 0;
        return setup;
    }

    Client MakeClient() {
        static constexpr const char* kNames[] = {
            "unknown",     "mail.example.com", "MAIL.Example.COM",  "a.mail.example.com",
            "example.com", "example.org",      "mx.unknown",        "com",
            "localhost",   "unknown",          "x.y.z.example.org", "xn--bcher-kva.example"};
        static constexpr const char* kAddresses[] = {
            "192.0.2.1",   "192.0.2.200", "192.0.3.1", "198.51.100.7",  "10.0.0.1",
            "2001:db8::1", "2001:db8::6", "::1",       "2001:db8:1::1", "2002:db8::1"};
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
                                                "z.example.org"};
        return Any(kKeys);
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
    std::string Value() {
        static constexpr const char* kValues[] = {"OK",
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
                                                  "PREPEND bad",
                                                  "PREPEND",
                                                  "FILTER",
                                                  "FILTER x",
                                                  "FILTER smtp:[192.0.2.9]",
                                                  "REDIRECT a@b.example",
                                                  "REDIRECT x",
                                                  "BCC a@b.example",
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
                                                  "OK, reject",
                                                  "é",
                                                  "4xx no"};
        return Any(kValues);
    }

    void AddTable(Restrictions& setup) {
        const std::string name = "table" + std::to_string(++tables_);
        std::string content;
        const int rows = Below(6) + 1;
        const int kind = Below(4);
        if (kind == 0) {
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
            for (int i = 0; i < rows; ++i) content += Key() + " " + Value() + "\n";
            Keep(setup, "texthash:", name, content);
        } else {
            AddSqliteTable(setup, name, rows);
        }
    }

    void Keep(Restrictions& setup, const std::string& type, const std::string& name,
              const std::string& content) {
        const auto path = scratch_.Write(name, content);
        MakeLookSettled(path);
        setup.tables.push_back(type + path.string());
        setup.contents.push_back(content);
    }

    void AddSqliteTable(Restrictions& setup, const std::string& name, int rows) {
        const auto path = scratch_ / (name + ".sqlite");
        sqlite::Database database(path, sqlite::Database::Mode::kReadWrite,
                                  std::chrono::milliseconds(0));
        std::string content = "BEGIN; CREATE TABLE t (k, v);\n";
        for (int i = 0; i < rows; ++i)
            content += "INSERT INTO t VALUES ('" + Key() + "', '" + Value() + "');\n";
        database.Execute(content + "COMMIT");
        // A table that cannot answer, now and then.
        const std::string table = Below(10) == 0 ? "nowhere" : "t";
        const std::string cf = "dbpath = " + path.string() +
                               "\nexpansion_limit = 1\nquery = " + "SELECT v FROM " + table +
                               " WHERE k = '%s'\n";
        Keep(setup, "sqlite:", name + ".cf", cf);
        setup.contents.back() = cf + content;
    }

    std::mt19937_64 random_;
    const ScratchDirectory& scratch_;
    int tables_ = 0;
};

}  // namespace policyd::test
