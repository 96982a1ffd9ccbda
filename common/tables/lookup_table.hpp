#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/async/task.hpp"
#include "common/outage/unavailable.hpp"

namespace policyd::tables {

/// A Postfix look-up table (DATABASE_README, postmap(1)), owned by one loop thread.
class LookupTable {
public:
    virtual ~LookupTable() = default;

    /// As it is written in main.cf, without "proxy:", for instance "mysql:/etc/postfix/users.cf".
    virtual const std::string& Name() const = 0;

    /// What `postmap -q key` answers: the value, nothing where there is none. Throws
    /// outage::TableUnavailable where Postfix would report a temporary error. The table folds the
    /// key itself where its type does. `key` must outlive the returned task.
    virtual async::Task<std::optional<std::string>> Find(std::string_view key) = 0;

    /// False for tables such as cidr: that match the whole key against patterns: searching them
    /// with the parts of a name or an address is meaningless, and Postfix does not.
    virtual bool TakesPartialKeys() const { return true; }
};

}  // namespace policyd::tables
