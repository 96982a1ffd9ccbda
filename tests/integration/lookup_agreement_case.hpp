#pragma once

#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace policyd::test {

/// What a look-up came to.
struct LookupOutcome {
    enum class Kind { kFound, kNotFound, kError };

    Kind kind = Kind::kNotFound;
    std::string value;  ///< kFound

    bool operator==(const LookupOutcome&) const = default;

    std::string ToText() const {
        if (kind == Kind::kFound) return "found \"" + value + "\"";
        return kind == Kind::kNotFound ? "not found" : "error";
    }
};

/// A table, as its name and the files that it is made of, and keys to look up in it. `{DIR}` stands
/// for the directory of the files, `{DB}` for the SQLite file, `{HOSTS}` for the MySQL server.
struct LookupCase {
    std::string table;
    std::map<std::string, std::string> files;
    std::vector<std::string> keys;
    /// Whether a value may have a line end in it: then the judge is asked for one key at a time.
    bool values_have_lines = false;
};

/// Makes the same cases from the same seed.
class LookupCaseGenerator {
public:
    explicit LookupCaseGenerator(std::uint64_t seed) : random_(seed) {}

    LookupCase Mysql() { return Sql("mysql"); }
    LookupCase Sqlite() { return Sql("sqlite"); }
    LookupCase Texthash();
    LookupCase Cidr();
    LookupCase Inline();
    /// regexp: or pcre:, in a file or in the name of the table.
    LookupCase Patterns(const std::string& type);

    /// CREATE TABLE and INSERT statements for the data base that Mysql() or Sqlite() asks.
    std::string DatabaseContents(bool is_mysql);

private:
    LookupCase Sql(const std::string& type);
    std::string Query(const std::string& type);
    std::string DomainParameter(LookupCase& lookup);
    std::string CidrLine(int& depth);
    std::string Expression(const std::string& type);
    std::string PatternLine(const std::string& type, int& depth);
    std::string CidrPattern();
    std::string AddressText();
    std::string Local();
    std::string Domain();
    std::string Key();
    std::string Value();
    std::vector<std::string> SomeKeys();

    int Below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
    bool OneIn(int n) { return Below(n) == 0; }
    template <std::size_t N>
    std::string Any(const char* const (&choices)[N]) {
        return choices[Below(static_cast<int>(N))];
    }

    std::mt19937_64 random_;
};

}  // namespace policyd::test
