#pragma once

#include <algorithm>

#include "tests/integration/lookup_agreement_case.hpp"

// What LookupCaseGenerator chooses from: what administrators write, and what attackers send.

namespace policyd::test {

inline std::string LookupCaseGenerator::Local() {
    static constexpr const char* kLocals[] = {
        "joe",       "JOE", "o'neil", "a\\b",   "a%b", "a_b",   "josé", "JOSÉ", "straße",
        "x\"y",      "a@b", " lead",  "trail ", "+x",  "名前",  "a--b", "a;b",  "#a",
        "?",         "$x",  ":x",     "a`b",    "%s",  "%u%d",  "NULL", "0",    "1",
        "' OR ''='", "\"",  "'",      "\\",     "\\'", "a\xff", "\xc3", "😀",    "İ",
        "a b",       "!x",  "[x]",    "{x}",    "a=b", "sales", "info", "ß",    "ﬁ"};
    if (OneIn(60)) return std::string(static_cast<std::size_t>(Below(5000)), 'l');
    return Any(kLocals);
}

inline std::string LookupCaseGenerator::Domain() {
    static constexpr const char* kDomains[] = {"example.com",
                                               "Example.COM",
                                               "sub.example.com",
                                               "a.b.c.d.e.f.g.h.i.j",
                                               "example..com",
                                               ".example.com",
                                               "example.com.",
                                               "localhost",
                                               "bücher.example",
                                               "BÜCHER.example",
                                               "x'y.com",
                                               "[192.0.2.1]",
                                               "com",
                                               "example.org",
                                               "one.two.three.four",
                                               ".",
                                               "\xff.com"};
    return Any(kDomains);
}

inline std::string LookupCaseGenerator::Key() {
    switch (Below(8)) {
        case 0:
            return Local();
        case 1:
            return Domain();
        case 2:
            return "@" + Domain();
        case 3:
            return Local() + "@";
        default:
            return Local() + "@" + Domain();
    }
}

inline std::string LookupCaseGenerator::Value() {
    static constexpr const char* kValues[] = {"OK",
                                              "joe@example.com",
                                              "@example.com",
                                              "joe@",
                                              "a, b@c.example",
                                              "Joe",
                                              "x@y@z",
                                              "smtp:[192.0.2.1]",
                                              "100%",
                                              "%s",
                                              "é",
                                              "a'b\\c",
                                              "0",
                                              "1.50",
                                              "value with  blanks",
                                              "REJECT no",
                                              "@"};
    return Any(kValues);
}

inline std::vector<std::string> LookupCaseGenerator::SomeKeys() {
    std::vector<std::string> keys;
    while (keys.size() < 12) {
        const std::string key = Key();
        if (key != "-" && std::find(keys.begin(), keys.end(), key) == keys.end())
            keys.push_back(key);
    }
    return keys;
}

inline std::string LookupCaseGenerator::DatabaseContents(bool is_mysql) {
    const auto literal = [is_mysql](const std::string& text) {
        std::string quoted = "'";
        for (const char c : text) {
            if (c == '\'' || (c == '\\' && is_mysql)) quoted += c;
            quoted += c;
        }
        return quoted + "'";
    };
    std::string sql = is_mysql ? "CREATE TABLE t (k TEXT, u TEXT, d TEXT, v TEXT, w TEXT, n INT, "
                                 "f DOUBLE, t DATETIME, b VARBINARY(20), z INT(5) ZEROFILL, "
                                 "c DECIMAL(8,2), e ENUM('x','y'), l BIGINT UNSIGNED);"
                               : "CREATE TABLE t (k, u, d, v, w, n, f, t, b, z, c, e, l);";
    for (int i = 0; i < 120; ++i) {
        std::string local = Local(), domain = Domain();
        if (local.find_first_of("\xff\xc3") != std::string::npos && local.size() < 3) local = "x";
        if (domain[0] == '\xff') domain = "x.example";
        for (char& c : local) c = c == '\xff' ? 'y' : c;
        const std::string number = std::to_string(Below(1000) - 500);
        sql += "INSERT INTO t VALUES (" + literal(OneIn(6) ? domain : local + "@" + domain) + "," +
               literal(local) + "," + literal(domain) + "," + literal(OneIn(8) ? "" : Value()) +
               "," + (OneIn(5) ? "NULL" : literal(Value())) + "," + number + "," + number +
               ".25,'2026-01-02 03:04:05'," + (OneIn(3) ? "x'ff41'" : "x'4142'") + "," +
               std::to_string(Below(99)) + ",'" + number + ".5','x',18446744073709551);";
    }
    return sql;
}

inline std::string LookupCaseGenerator::Query(const std::string& type) {
    static constexpr const char* kQueries[] = {
        "SELECT v FROM t WHERE k = '%s'",
        "SELECT v, w FROM t WHERE k = '%s'",
        "SELECT w FROM t WHERE k='%S'",
        "SELECT v FROM t WHERE k LIKE '%s' ORDER BY k, v",
        "SELECT v FROM t WHERE k LIKE '%%%s%%' ORDER BY k, v",
        "SELECT v FROM t WHERE u = '%u' AND d = '%d' ORDER BY v",
        "SELECT w, v FROM t WHERE d='%d' ORDER BY k, v, w",
        "select v from t where u='%U' and d='%D' order by v",
        "SELECT '%s', v FROM t WHERE k='%s'",
        "SELECT '%3|%2|%1'",
        "SELECT '%1' WHERE '%2' <> 'x'",
        "SELECT '%9'",
        "SELECT '%d' WHERE '%u' <> ''",
        "SELECT n, l FROM t WHERE k = '%s' ORDER BY n",
        "SELECT f FROM t WHERE k = '%s' ORDER BY n",
        "SELECT t, e, c FROM t WHERE k = '%s' ORDER BY n",
        "SELECT z FROM t WHERE k = '%s' ORDER BY z",
        "SELECT b FROM t WHERE k = '%s' ORDER BY b",
        "SELECT b, v FROM t WHERE d = '%d' ORDER BY b, v",
        "SELECT NULL, v, '' FROM t WHERE k = '%s' ORDER BY v",
        "SELECT v FROM t WHERE k = \"%s\"",
        "SELECT v FROM t WHERE n = %s",
        "SELECT v FROM t WHERE n = '%s'",
        "SELECT v FROM t WHERE n > '%s' ORDER BY v, n",
        "SELECT count(*) FROM t WHERE d='%d'",
        "SELECT sum(n) FROM t WHERE d='%d'",
        "SELECT v FROM t WHERE k = '%s' -- '%u'",
        "SELECT v FROM t WHERE k = '%s' /* '%s' */",
        "SELECT v FROM nosuch WHERE k='%s'",
        "SELEC v",
        "SELECT 100%%",
        "SELECT '%%s', '%%'",
        "SELECT 'a''%s''b'",
        "SELECT 'a' '%s'",
        "SELECT v FROM t WHERE k IN ('%s', '%u') ORDER BY v",
        "SELECT v FROM t WHERE lower('%s') = k ORDER BY v",
        "SELECT lower('%s')",
        "SELECT substr('%s', 2)",
        "SELECT 1 AS '%u'",
        "SELECT v FROM t WHERE k = '%s' LIMIT 1",
        "SELECT v FROM t ORDER BY k, v LIMIT 3",
        "SELECT CASE WHEN '%u' = 'joe' THEN 'JOE' ELSE '%s' END",
        "SELECT v FROM t WHERE k = '%s' UNION SELECT w FROM t WHERE u = '%u'",
        "SELECT '@x' || '%s'",
        "SELECT '\\%s'",
        "SELECT 1 WHERE 1 = 0",
        "SELECT '%s' AS a, '%u' AS b",
        "SELECT length('%s')",
        "SELECT '%z'",
        "SELECT '%'",
        ""};
    static constexpr const char* kMysql[] = {
        "CALL one('%s')",
        "CALL two('%s')",
        "CALL none('%s')",
        "DO 1",
        "SELECT _latin1'%s'",
        "SELECT '%s' COLLATE utf8mb4_bin",
        "SELECT concat(v, char(10), 'b') FROM t WHERE k = '%s' ORDER BY v",
        "SELECT v FROM t WHERE k = '%s' COLLATE utf8mb4_bin ORDER BY v",
        "SELECT 1; SELECT 2",
        "SELECT @@sql_mode",
        "SELECT now() - now(), '%s'",
        "SELECT DATE '%s'",
        "SELECT x'4100'",
        "SELECT v FROM t WHERE k = BINARY '%s' ORDER BY v",
        "SELECT concat_ws(' ', @@character_set_client, @@collation_connection)",
        "SELECT v FROM t WHERE t > '%s' ORDER BY v, w"};
    static constexpr const char* kSqlite[] = {
        "SELECT x'41004200'",
        "SELECT v FROM t WHERE k = '%s' ; SELECT 2",
        "SELECT $x, '%s'",
        "SELECT ?1",
        "SELECT typeof('%s')",
        "-- nothing",
        "SELECT v FROM t WHERE k = '%s' COLLATE NOCASE ORDER BY v",
        "SELECT 1e100, '%s'",
        "VALUES ('%s'), ('%u')",
        "SELECT v || char(10) FROM t WHERE k = '%s' ORDER BY v"};
    if (OneIn(4)) return type == "mysql" ? Any(kMysql) : Any(kSqlite);
    return Any(kQueries);
}

inline std::string LookupCaseGenerator::DomainParameter(LookupCase& lookup) {
    static constexpr const char* kDomains[] = {"example.com",
                                               "EXAMPLE.com, bücher.example",
                                               "!example.com, localhost sub.example.com",
                                               "!sub.example.com example.com",
                                               "{DIR}/domains",
                                               "!{DIR}/domains, example.com",
                                               "texthash:{DIR}/domains",
                                               "inline:{example.com=1,localhost=2}",
                                               ".example.com",
                                               "!"};
    lookup.files["domains"] = "# hosted\nexample.com yes\n\nlocalhost\n  yes\n";
    return Any(kDomains);
}

inline LookupCase LookupCaseGenerator::Sql(const std::string& type) {
    static constexpr const char* kFormats[] = {
        "%s",           "[%s]", "%u", "%d", "%u+%d", "%S=%s", "%U",         "%D", "%1",
        "smtp:[%s]:25", "%%",   "OK", "%9", "%s %s", "%2.%1", "<%S|%U|%D>", "%x", ""};
    LookupCase lookup;
    std::string cf =
        type == "mysql" ? "hosts = {HOSTS}\nuser = root\ndbname = agreement\n" : "dbpath = {DB}\n";
    const std::string query = Query(type);
    lookup.values_have_lines =
        query.find("char(10)") != std::string::npos || query.find("length") != std::string::npos;
    if (OneIn(8)) {
        cf += "select_field = v\ntable = t\nwhere_field = k\n";
        if (OneIn(2)) cf += "additional_conditions = and n > 0\n";
        if (OneIn(6)) cf += "query =\n";
    } else {
        cf += "query = " + query + "\n";
    }
    if (OneIn(3)) cf += "result_format = " + Any(kFormats) + "\n";
    if (OneIn(4)) cf += "domain = " + DomainParameter(lookup) + "\n";
    if (OneIn(4)) cf += "expansion_limit = " + std::to_string(Below(5) - 1) + "\n";
    if (OneIn(8)) cf += "require_result_set = no\n";
    if (OneIn(60)) cf += "expansion_limit = many\n";
    if (OneIn(60)) cf += "no equals sign\n";
    if (OneIn(30)) cf += "unknown = parameter\n # comment\n";
    lookup.files["table.cf"] = cf;
    lookup.table = type + ":{DIR}/table.cf";
    lookup.keys = SomeKeys();
    return lookup;
}

inline LookupCase LookupCaseGenerator::Texthash() {
    static constexpr const char* kBlanks[] = {" ", "\t", "   ", " \t ", "\v", "\n ", "\n#c\n\t"};
    static constexpr const char* kEnds[] = {"\n", "\n", "\n", " \n", "\r\n", "\n\n", "\n# x\n"};
    static constexpr const char* kOdd[] = {" starts with blank\n",
                                           "key\n",
                                           "\"a b\" quoted\n",
                                           "\"unbalanced x\n",
                                           "alias: x\n",
                                           "# a\n",
                                           "\\a b\n",
                                           "a\\ b c\n",
                                           "x \xff\n",
                                           "\xff y\n",
                                           "a\"b\"c d\n",
                                           "=\n"};
    LookupCase lookup;
    lookup.keys = SomeKeys();
    std::string text;
    for (int i = Below(14); i > 0; --i) {
        if (OneIn(4)) {
            text += Any(kOdd);
            continue;
        }
        const std::string key = OneIn(2) ? Key() : lookup.keys[static_cast<std::size_t>(Below(12))];
        text += key + Any(kBlanks) + Value() + Any(kEnds);
    }
    for (const char* key : {"key", "\"a b\"", "alias:", "\\a", "a\\ b", "a\"b\"c"})
        if (OneIn(3) && std::find(lookup.keys.begin(), lookup.keys.end(), key) == lookup.keys.end())
            lookup.keys.push_back(key);
    lookup.files["table"] = text;
    lookup.table = "texthash:{DIR}/table";
    return lookup;
}

inline LookupCase LookupCaseGenerator::Inline() {
    LookupCase lookup;
    lookup.keys = SomeKeys();
    std::string entries;
    for (int i = Below(6); i > 0; --i) {
        const std::string key = OneIn(2) ? Key() : lookup.keys[static_cast<std::size_t>(Below(12))];
        switch (Below(8)) {
            case 0:
                entries += " " + key + "=" + Value();
                break;
            case 1:
                entries += ", " + key + "=";
                break;
            case 2:
                entries += "{" + key + " = " + Value() + " }";
                break;
            case 3:
                entries += "{" + key + "}";
                break;
            case 4:
                entries += ", {=x}";
                break;
            default:
                entries += ", { " + key + "= " + Value() + "}";
                break;
        }
    }
    lookup.table = "inline:{" + entries + (OneIn(20) ? "" : "}");
    return lookup;
}

inline std::string LookupCaseGenerator::AddressText() {
    static constexpr const char* kIpv6[] = {"2001:db8::1",
                                            "2001:DB8::1",
                                            "2001:db8:0:0::1",
                                            "2001:db8:1::",
                                            "::",
                                            "::1",
                                            "::ffff:10.0.0.1",
                                            "fe80::1%eth0",
                                            "2001:db8:8000::5",
                                            "2001:db8:0:1::7",
                                            "2001:db8::1:0:0:1"};
    static constexpr const char* kBad[] = {"10.0.0", "10.0.0.01", "10.0.0.256", "unknown",
                                           "",       "10.0.0.1 ", "[10.0.0.1]", "10.0.0.1/32",
                                           "::g",    ":"};
    if (OneIn(12)) return Any(kBad);
    if (OneIn(3)) return Any(kIpv6);
    return "10." + std::to_string(Below(2)) + "." + std::to_string(Below(3)) + "." +
           std::to_string(OneIn(2) ? Below(4) : Below(256));
}

inline std::string LookupCaseGenerator::CidrPattern() {
    static constexpr const char* kIpv6[] = {
        "2001:db8::/32", "2001:db8::/33",     "2001:db8:8000::/33", "2001:DB8::1",
        "::/0",          "2001:db8:0:1::/64", "2001:db8::1/64",     "::ffff:0:0/96",
        "[2001:db8::1]", "[2001:db8::]/48",   "2001:db8::/129"};
    static constexpr const char* kBad[] = {"10.0.0",       "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x",
                                           "[10.0.0.1",    "[10.0.0.1]x", "word",      "10.0.0.300",
                                           "10.0.0.0/8/8", "0/0",         "!"};
    std::string sign = OneIn(10) ? "!" : "";
    if (OneIn(60)) sign = "! !";
    if (OneIn(20)) return sign + Any(kBad);
    if (OneIn(4)) return sign + Any(kIpv6);
    const int length = Below(26) + 8;
    if (length > 32)
        return sign + "10." + std::to_string(Below(2)) + ".0." + std::to_string(Below(4));
    std::uint32_t bits = 10U << 24 | static_cast<std::uint32_t>(Below(2)) << 16 |
                         static_cast<std::uint32_t>(Below(3)) << 8 |
                         static_cast<std::uint32_t>(Below(256));
    if (!OneIn(20)) bits &= ~std::uint32_t{0} << (32 - length);
    std::string address;
    for (int shift = 24; shift >= 0; shift -= 8)
        address += (address.empty() ? "" : ".") + std::to_string(bits >> shift & 255);
    return sign + (OneIn(20) ? "[" + address + "]/" + std::to_string(length)
                             : address + "/" + std::to_string(length));
}

inline std::string LookupCaseGenerator::CidrLine(int& depth) {
    static constexpr const char* kBlanks[] = {" ", "\t", "    ", "\n  "};
    static constexpr const char* kOdd[] = {
        "# comment\n",       "\n",         "  # x\n",          " continued\n",
        "endif x\n",         "if\n",       "endif\n",          "ifx\n",
        "if 10.0.0.0/8 x\n", "10.0.0.1\n", "10.0.0.2 v\xff\n", "10.0.0.3 x\r\n"};
    static constexpr const char* kIf[] = {"if ", "IF\t", "If ", "if  "};
    static constexpr const char* kEndif[] = {"endif\n", "ENDIF \n", "EndIf\n"};
    if (OneIn(12)) return Any(kOdd);
    if (OneIn(8)) {
        ++depth;
        return Any(kIf) + CidrPattern() + "\n";
    }
    if (depth > 0 && OneIn(4)) {
        --depth;
        return Any(kEndif);
    }
    return CidrPattern() + Any(kBlanks) + Value() + std::to_string(Below(100)) + "\n";
}

inline LookupCase LookupCaseGenerator::Cidr() {
    LookupCase lookup;
    std::string text;
    int depth = 0;
    for (int i = Below(25); i > 0; --i) text += CidrLine(depth);
    if (!OneIn(4)) {
        for (; depth > 0; --depth) text += "endif\n";
    }
    while (lookup.keys.size() < 16) {
        const std::string key = AddressText();
        if (std::find(lookup.keys.begin(), lookup.keys.end(), key) == lookup.keys.end())
            lookup.keys.push_back(key);
    }
    lookup.files["table"] = text;
    lookup.table = "cidr:{DIR}/table";
    return lookup;
}

}  // namespace policyd::test
