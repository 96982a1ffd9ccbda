#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/tables/cidr_rules.hpp"
#include "common/tables/lookup_table.hpp"
#include "common/tables/warning_sink.hpp"

namespace policyd::tables {

/// Reads networks, from where RulesText() has them. Rules that Postfix skips are skipped with the
/// same warnings. Throws config::ConfigError.
CidrRules ReadCidr(const std::string& path, const WarningSink& warn);

/// `cidr:/path`: networks and what is said of them, cidr_table(5).
class CidrTable final : public MemoryTable {
public:
    CidrTable(const std::string& path, std::shared_ptr<const CidrRules> rules)
        : name_("cidr:" + path), rules_(std::move(rules)) {}
    /// Reads the file.
    CidrTable(const std::string& path, const WarningSink& warn)
        : CidrTable(path, std::make_shared<const CidrRules>(ReadCidr(path, warn))) {}

    const std::string& Name() const override { return name_; }
    /// Anything but an IP address is not found.
    std::optional<std::string> FindNow(std::string_view key) const override;
    void ForEachValue(const Visit& visit) const override;
    void ForEachKey(const Visit& visit) const override;
    bool TakesPartialKeys() const override { return false; }

    std::size_t Size() const noexcept { return rules_->Size(); }

private:
    std::string name_;
    std::shared_ptr<const CidrRules> rules_;
};

}  // namespace policyd::tables
