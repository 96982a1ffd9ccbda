#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "common/tables/warning_sink.hpp"

namespace policyd::tables {

/// The parameters of a table, `name = value` as in main.cf, but without `$name`: mysql_table(5),
/// sqlite_table(5). Every problem is a config::ConfigError that names file and line, and no text
/// ever has the value of `password` in it. Read by any thread once it is made.
class TableFile {
public:
    /// Reads the file. A parameter that is set twice has its last value, with a warning.
    TableFile(std::string path, const WarningSink& warn);

    const std::string& Path() const noexcept { return path_; }

    /// The value, or `fallback` where the parameter is missing.
    std::string Text(std::string_view name, std::string_view fallback = "") const;
    /// A value that must not be missing nor empty.
    std::string NeededText(std::string_view name) const;
    /// A decimal number of at least `least`.
    std::int64_t Number(std::string_view name, std::int64_t fallback, std::int64_t least) const;
    bool YesOrNo(std::string_view name, bool fallback) const;

    /// Whether it has the same values.
    bool SaysTheSameAs(const TableFile& other) const;

    /// By the permissions that it had.
    bool MayBeReadByEverybody() const noexcept { return may_be_read_by_everybody_; }

    /// Throws: `what` is wrong with the parameter.
    [[noreturn]] void Refuse(std::string_view name, const std::string& what) const;

    /// Postfix ignores parameters that it does not know; so do we, with a warning.
    void WarnOfAllBut(std::initializer_list<std::string_view> known, const WarningSink& warn) const;

private:
    struct Parameter {
        std::string value;
        std::size_t line = 0;
    };

    const Parameter* Find(std::string_view name) const;

    std::string path_;
    std::map<std::string, Parameter, std::less<>> parameters_;
    bool may_be_read_by_everybody_ = false;
};

}  // namespace policyd::tables
