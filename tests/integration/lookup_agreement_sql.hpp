#pragma once

#include "tests/integration/lookup_agreement_keys.hpp"

// Tables in data bases, and what is in these.

namespace policyd::test {

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
    // Postfix escapes for '...' alone there: a quotation mark in the key would end the string.
    if (type == "sqlite" && cf.find("\"%s\"") != std::string::npos)
        for (std::string& key : lookup.keys) std::erase(key, '"');
    return lookup;
}

}  // namespace policyd::test
