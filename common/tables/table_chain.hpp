#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/tables/table_reader.hpp"

namespace policyd::tables {

/// What a key is to the caller: all of what was searched, or a part such as a parent domain.
enum class KeyKind { kWhole, kPartial };

/// The tables of one parameter, such as virtual_alias_maps, searched in order: Postfix's maps(3).
/// One loop thread's, as its tables are.
class TableChain {
public:
    TableChain() = default;
    /// `parameter` is for messages; the tables belong to the registry, which outlives the chain.
    TableChain(std::string parameter, std::vector<LookupTable*> tables);

    /// The value in the first table that has the key. Tables that match whole keys only are passed
    /// over for a partial one. An empty key is not found. Throws outage::TableUnavailable as soon
    /// as a table could not answer, and for an empty value, which Postfix takes for a mistake.
    /// `key` and `reader` must outlive the returned task.
    async::Task<std::optional<std::string>> Find(std::string_view key,
                                                 KeyKind kind = KeyKind::kWhole,
                                                 TableReader& reader = DirectReader()) const;

    const std::string& Parameter() const noexcept { return parameter_; }
    const std::vector<LookupTable*>& Tables() const noexcept { return tables_; }
    /// Those of them that a key of this kind is looked up in.
    const std::vector<LookupTable*>& SearchedFor(KeyKind kind) const noexcept {
        return kind == KeyKind::kWhole ? tables_ : taking_partial_keys_;
    }
    bool IsEmpty() const noexcept { return tables_.empty(); }

private:
    std::string parameter_;
    std::vector<LookupTable*> tables_;
    std::vector<LookupTable*> taking_partial_keys_;
};

}  // namespace policyd::tables
