#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/async/task.hpp"
#include "common/outage/unavailable.hpp"

namespace policyd::tables {

class LookupTable;
class MemoryTable;

/// Is in no table (RFC 2606), and has all the parts that a query may ask for: %1 to %9.
inline constexpr const char* kKeyOfNobody = "nobody@a.name.that.is.in.no.table.of.invalid";

/// A look-up that can be made together with others.
struct Question {
    LookupTable* table = nullptr;
    std::string key;
};

/// What became of it: it was not made, a value or nothing as by LookupTable::Find(), or what that
/// would have thrown.
using Outcome = std::variant<std::monostate, std::optional<std::string>, std::exception_ptr>;

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

    /// Asks whoever has to be asked for a key that nobody has, whatever domains the table is for:
    /// throws as Find().
    virtual async::Task<void> Try();

    /// False for tables such as cidr: that match the whole key against patterns: searching them
    /// with the parts of a name or an address is meaningless, and Postfix does not.
    virtual bool TakesPartialKeys() const { return true; }

    /// Whether it may have something for keys that nobody has put into it: patterns and static:.
    virtual bool IsForAnyKey() const { return !TakesPartialKeys(); }

    /// Stands for who has to be asked: a database server or a file. Null for what is in memory.
    virtual const void* Server() const { return nullptr; }
    /// Itself if it is in memory, null otherwise.
    virtual const MemoryTable* InMemory() const { return nullptr; }

    /// Makes look-ups in tables that all have this one's server, by asking it once. Returns their
    /// outcomes in the same order.
    virtual async::Task<std::vector<Outcome>> FindTogether(std::vector<Question> questions);
};

/// A table that was read as a whole: it answers without waiting.
class MemoryTable : public LookupTable {
public:
    using Visit = std::function<void(std::string_view)>;

    /// What Find() answers.
    virtual std::optional<std::string> FindNow(std::string_view key) const = 0;
    /// All values, in no order; one that several keys have, at least once.
    virtual void ForEachValue(const Visit& visit) const = 0;
    /// All keys, in no order; a network as "address/length".
    virtual void ForEachKey(const Visit& visit) const = 0;

    async::Task<std::optional<std::string>> Find(std::string_view key) final {
        return async::Task<std::optional<std::string>>::Of(FindNow(key));
    }
    const MemoryTable* InMemory() const final { return this; }
};

/// Makes several look-ups at once, so that tables that have the same server cost one question to
/// it. What stands alone with its server is not made: it would gain nothing. Returns the outcomes
/// in the order of the questions.
async::Task<std::vector<Outcome>> FindTogether(std::vector<Question> questions);

}  // namespace policyd::tables
