#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "common/tables/key_rules.hpp"
#include "common/tables/lookup_table.hpp"
#include "common/tables/warning_sink.hpp"

namespace policyd::tables {

/// `texthash:/path`: a text file of "key whitespace value" lines, as postmap(1) reads them.
class TexthashTable final : public LookupTable {
public:
    /// Reads the file. Lines that Postfix ignores are ignored with the same warnings; the first of
    /// several lines with one key holds. Throws config::ConfigError where it cannot be read.
    TexthashTable(const std::string& path, const WarningSink& warn,
                  KeyFolding folding = KeyFolding::kFolded);

    const std::string& Name() const override { return name_; }
    async::Task<std::optional<std::string>> Find(std::string_view key) override;

private:
    std::string name_;
    std::unordered_map<std::string, std::string> values_;
};

}  // namespace policyd::tables
