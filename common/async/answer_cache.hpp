#pragma once

#include <algorithm>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/async/destroy_elsewhere.hpp"
#include "common/async/keyed_table.hpp"
#include "common/async/task.hpp"
#include "common/text/inline_string.hpp"
#include "common/text/string_hash.hpp"

namespace policyd::async {

/// Remembers the answers of a slow look-up, on one loop thread.
///
/// An answer is fresh for its own time and then asked for again; while the look-up fails, it is
/// still given for the stale time, which each caller may choose up to the longest. At most one
/// look-up for a key is under way: whoever asks meanwhile waits for its answer. Where there are too
/// many, an answer goes that was not used lately.
template <typename Value>
class AnswerCache {
public:
    using Answer = std::shared_ptr<const Value>;
    using Milliseconds = std::chrono::milliseconds;
    /// Looks the key up; the string outlives the task.
    using Load = std::function<Task<Value>(const std::string& key)>;
    /// How long an answer is fresh; zero: it is kept for the stale time only.
    using FreshTime = std::function<Milliseconds(const Value&)>;
    /// Whether an answer may be given when it is stale.
    using MayBeStale = std::function<bool(const Value&)>;
    /// Monotonic.
    using Clock = std::function<Milliseconds()>;

    /// What is given to who waits for it.
    struct Given {
        Answer answer;
        bool is_stale = false;  ///< the look-up fails: this is what it said before

        const Value& operator*() const { return *answer; }
        const Value* operator->() const { return answer.get(); }
    };

    struct Statistics {
        std::uint64_t hits = 0;
        std::uint64_t misses = 0;
        std::uint64_t stale = 0;
    };

    AnswerCache(
        std::size_t most_answers, Milliseconds longest_stale, Clock clock, FreshTime fresh,
        Load load, MayBeStale may_be_stale = [](const Value&) { return true; })
        : most_answers_(most_answers),
          longest_stale_(longest_stale),
          clock_(std::move(clock)),
          fresh_(std::move(fresh)),
          load_(std::move(load)),
          may_be_stale_(std::move(may_be_stale)) {}
    AnswerCache(const AnswerCache&) = delete;
    AnswerCache& operator=(const AnswerCache&) = delete;

    /// The remembered answer while it is fresh, null otherwise. Costs no coroutine.
    Answer Fresh(std::string_view key) {
        std::shared_ptr<Entry> entry = entries_.Find(key);
        if (!entry || !IsFresh(*entry)) return nullptr;
        ++statistics_.hits;
        return AnswerOf(std::move(entry));
    }

    /// As Fresh(), for who does not wait in between: it stays only until the cache is next used.
    const Value* AtHand(std::string_view key) {
        const Entry* const entry = entries_.Peek(key);
        if (entry == nullptr || !IsFresh(*entry)) return nullptr;
        ++statistics_.hits;
        return &entry->value;
    }

    /// Fetches what AtHand() and Fresh() will read.
    void Fetch(std::string_view key, Ahead what) const noexcept { entries_.Fetch(key, what); }

    /// The answer, looked up if it must be. Throws what the look-up throws when there is no answer
    /// that has been stale for less than `stale_time`. `key` is copied before the task suspends.
    Task<Given> Get(std::string_view key, Milliseconds stale_time) {
        if (Answer answer = Fresh(key)) co_return Given{std::move(answer)};
        ++statistics_.misses;
        const std::string own_key(key);
        std::shared_ptr<Loading> loading;
        const auto under_way = loading_.find(own_key);
        if (under_way != loading_.end()) {
            loading = under_way->second;
            Waiting waiting(*loading);
            co_await waiting;
        } else {
            loading = std::make_shared<Loading>();
            co_await LoadFor(own_key, loading);
        }
        if (loading->answer) co_return Given{loading->answer};
        if (Answer answer = StaleAnswer(own_key, stale_time))
            co_return Given{std::move(answer), true};
        std::rethrow_exception(loading->failure);
    }
    Task<Given> Get(std::string_view key) { return Get(key, longest_stale_); }

    /// What is remembered, if it has been stale for less than `stale_time`; null otherwise.
    Answer Remembered(std::string_view key, Milliseconds stale_time) {
        if (Answer answer = Fresh(key)) return answer;
        return StaleAnswer(key, stale_time);
    }

    /// Takes an answer that was come by in another way, in the place of what is remembered.
    void Remember(std::string_view key, Value value) {
        Keep(std::make_shared<Entry>(key, std::move(value)), clock_());
    }

    /// Soon done, however many answers there are. They must not mind on which thread they end. Who
    /// asks from now on does not wait for a look-up that has begun before.
    void Clear() {
        using Entries = KeyedTable<Entry>;
        DestroyElsewhere(std::make_shared<const Entries>(std::exchange(entries_, Entries())));
        loading_.clear();
    }

    /// Takes all that another cache of the same look-up remembers, in the place of its own; none of
    /// it is fresh from now on, so that what was fresh by other rules is asked for again. Soon
    /// done, as Clear().
    void TakeOver(AnswerCache& predecessor) {
        Clear();
        std::swap(entries_, predecessor.entries_);
        taken_over_ = clock_();
    }

    std::size_t Size() const noexcept { return entries_.Size(); }
    const Statistics& Counted() const noexcept { return statistics_; }

private:
    struct Entry {
        Entry(std::string_view the_key, Value the_value)
            : key(the_key), value(std::move(the_value)) {}

        const text::InlineString key;
        const Value value;
        Milliseconds as_of{0};
        Milliseconds fresh_until{0};
    };

    /// A look-up that others may wait for.
    struct Loading {
        Answer answer;
        std::exception_ptr failure;
        std::vector<std::coroutine_handle<>> waiting;
    };

    struct Waiting {
        explicit Waiting(Loading& the_loading) : loading(the_loading) {}
        Waiting(const Waiting&) = delete;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waiter) { loading.waiting.push_back(waiter); }
        void await_resume() const noexcept {}
        Loading& loading;
    };

    template <typename T>
    using Map = std::unordered_map<std::string, T, text::StringHash, std::equal_to<>>;

    bool IsFresh(const Entry& entry) const {
        return clock_() < entry.fresh_until && entry.as_of > taken_over_;
    }

    /// By these rules and by those of the cache that it was taken over from.
    Milliseconds FreshUntil(const Entry& entry) const {
        if (entry.as_of > taken_over_) return entry.fresh_until;
        return std::min(entry.fresh_until, entry.as_of + fresh_(entry.value));
    }

    static Answer AnswerOf(std::shared_ptr<Entry> entry) {
        const Value* const value = &entry->value;
        return Answer(std::move(entry), value);
    }

    /// `loading` is owned by the caller and whoever waits.
    Task<void> LoadFor(const std::string& key, std::shared_ptr<Loading> loading) {
        loading_.emplace(key, loading);
        // What it says may be as old as its beginning.
        const Milliseconds began = clock_();
        const auto is_forgotten = [this, &key, &loading] {
            const auto under_way = loading_.find(key);
            return under_way == loading_.end() || under_way->second != loading;
        };
        try {
            Value value = co_await load_(key);
            auto entry = std::make_shared<Entry>(key, std::move(value));
            if (!is_forgotten()) Keep(entry, began);
            loading->answer = AnswerOf(std::move(entry));
        } catch (...) {
            loading->failure = std::current_exception();
        }
        if (!is_forgotten()) loading_.erase(key);
        // Nothing here is touched after this: who is resumed may ask again.
        for (const std::coroutine_handle<> waiter : loading->waiting) waiter.resume();
    }

    void Keep(std::shared_ptr<Entry> entry, Milliseconds as_of) {
        const Milliseconds time = fresh_(entry->value);
        entries_.Erase(entry->key);
        if (time + longest_stale_ <= Milliseconds(0)) return;
        entry->as_of = as_of;
        entry->fresh_until = as_of + time;
        // Two for one, where more was taken over than is to be kept.
        for (int i = 0; i < 2 && entries_.Size() >= most_answers_; ++i) entries_.EraseOne();
        entries_.Put(std::move(entry));
    }

    Answer StaleAnswer(std::string_view key, Milliseconds stale_time) {
        std::shared_ptr<Entry> entry = entries_.Find(key);
        if (!entry || clock_() >= FreshUntil(*entry) + stale_time) return nullptr;
        if (!may_be_stale_(entry->value)) return nullptr;
        ++statistics_.stale;
        return AnswerOf(std::move(entry));
    }

    const std::size_t most_answers_;
    const Milliseconds longest_stale_;
    const Clock clock_;
    const FreshTime fresh_;
    const Load load_;
    const MayBeStale may_be_stale_;
    KeyedTable<Entry> entries_;
    Milliseconds taken_over_ = Milliseconds::min();  // when TakeOver() was called
    Map<std::shared_ptr<Loading>> loading_;
    Statistics statistics_;
};

}  // namespace policyd::async
