#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/tables/key_rules.hpp"
#include "common/tables/lookup_table.hpp"
#include "common/tables/warning_sink.hpp"

namespace policyd::tables {

/// The rows of a text file of "key whitespace value" lines, as postmap(1) reads them.
using TexthashRows = std::unordered_map<std::string, std::string>;

/// Lines that Postfix ignores are ignored with the same warnings; the first of several lines with
/// one key holds. Throws config::ConfigError where the file cannot be read.
TexthashRows ReadTexthash(const std::string& path, const WarningSink& warn,
                          KeyFolding folding = KeyFolding::kFolded);

/// `texthash:/path`.
class TexthashTable final : public LookupTable {
public:
    TexthashTable(const std::string& path, std::shared_ptr<const TexthashRows> rows)
        : name_("texthash:" + path), rows_(std::move(rows)) {}
    /// Reads the file.
    TexthashTable(const std::string& path, const WarningSink& warn)
        : TexthashTable(path, std::make_shared<const TexthashRows>(ReadTexthash(path, warn))) {}

    const std::string& Name() const override { return name_; }
    async::Task<std::optional<std::string>> Find(std::string_view key) override;

private:
    std::string name_;
    std::shared_ptr<const TexthashRows> rows_;
};

}  // namespace policyd::tables
