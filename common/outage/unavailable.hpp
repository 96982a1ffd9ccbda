#pragma once

#include <stdexcept>
#include <string>

namespace policyd::outage {

/// A back end that could not answer: never to be confused with "not found".
///
/// Look-ups and stores throw it; the check pipeline alone catches it and turns it into the
/// configured failure action. The text is for the log and never holds a secret.
class Unavailable : public std::runtime_error {
public:
    /// What kind of back end failed; failure actions are configured per back end.
    enum class BackEnd {
        kTable,       ///< a look-up table: MySQL, SQLite, or a value it must not hold
        kUsageStore,  ///< Redis or SQLite with the usage counters
    };

    /// `is_mistake`: by all who did answer it will not pass by itself. What is asked is wrong, or a
    /// right, a password, a data base.
    Unavailable(BackEnd back_end, const std::string& what, bool is_mistake)
        : std::runtime_error(what), back_end_(back_end), is_mistake_(is_mistake) {}

    BackEnd Which() const noexcept { return back_end_; }
    bool IsMistake() const noexcept { return is_mistake_; }

private:
    BackEnd back_end_;
    bool is_mistake_;
};

/// A look-up that could not be answered: temporary, in the words of Postfix.
class TableUnavailable : public Unavailable {
public:
    explicit TableUnavailable(const std::string& what, bool is_mistake = false)
        : Unavailable(BackEnd::kTable, what, is_mistake) {}
};

/// Whoever has to be asked answers, but not this: others may get their answers.
class TableRefuses : public TableUnavailable {
public:
    using TableUnavailable::TableUnavailable;
};

/// The usage store could not answer, or refused a write.
class UsageStoreUnavailable : public Unavailable {
public:
    explicit UsageStoreUnavailable(const std::string& what, bool is_mistake = false)
        : Unavailable(BackEnd::kUsageStore, what, is_mistake) {}
};

/// It takes no writes at all: it is out of memory, on a full disk.
class UsageStoreTakesNothing : public UsageStoreUnavailable {
public:
    using UsageStoreUnavailable::UsageStoreUnavailable;
};

/// It answers, and holds something else than what is put under this key: others get their answers.
class UsageRecordBroken : public UsageStoreUnavailable {
public:
    using UsageStoreUnavailable::UsageStoreUnavailable;
};

}  // namespace policyd::outage
