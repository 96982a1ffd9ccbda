#include "common/tables/sqlite_table.hpp"

#include "common/outage/unavailable.hpp"
#include "common/tables/sql_group.hpp"
#include "common/text/utf8.hpp"

namespace policyd::tables {

async::Task<std::optional<std::string>> SqliteTable::Find(std::string_view key) {
    const std::optional<std::string> search_key = co_await lookup_.SearchKey(key);
    if (!search_key) co_return std::nullopt;
    const SqlLookup::Values values = co_await ValuesOf(*search_key);
    co_return lookup_.Combine(values, *search_key);
}

async::Task<void> SqliteTable::Try() {
    std::string key = kKeyOfNobody;
    co_await ValuesOf(std::move(key));
}

async::Task<SqlLookup::Values> SqliteTable::ValuesOf(std::string key) {
    auto search = [&query = lookup_.Query(), key = std::move(key),
                   asked = SqliteFile::Clock::now()](SqliteFile& file) {
        return file.FirstColumns(query, key, asked);
    };
    co_return co_await Run(std::move(search));
}

async::Task<std::vector<Outcome>> SqliteTable::FindTogether(std::vector<Question> questions) {
    SqlGroup group;
    for (const Question& question : questions) {
        const auto& table = static_cast<const SqliteTable&>(*question.table);
        co_await group.Add(table.lookup_, question.key);
    }
    if (group.Asked().empty()) co_return std::move(group).Outcomes();
    auto search = [members = group.Asked(), asked = SqliteFile::Clock::now()](SqliteFile& file) {
        std::vector<SqlLookup::Values> values;
        for (const SqlGroup::Member& member : members)
            values.push_back(file.FirstColumns(member.lookup->Query(), member.key, asked));
        return values;
    };
    try {
        const std::vector<SqlLookup::Values> values = co_await Run(std::move(search));
        group.Answer(values);
    } catch (const outage::TableRefuses&) {
        // One of them may be to blame; the others are answered alone.
    } catch (const outage::TableUnavailable&) {
        group.Fail(std::current_exception());
    }
    co_return std::move(group).Outcomes();
}

template <typename Search>
async::Task<std::invoke_result_t<Search&, SqliteFile&>> SqliteTable::Run(Search search) {
    outage::BackEnd& back_end = file_->back_end;
    if (!back_end.MayAsk())
        throw outage::TableUnavailable(Name() + ": " + back_end.Name() +
                                       " could not be used a moment ago");
    const outage::BackEnd::Question question(back_end);
    std::string failure;
    bool is_mistake = false;
    try {
        auto call = file_->worker.Run(std::move(search));
        auto values = co_await call;
        question.Answered();
        co_return values;
    } catch (const sqlite::Error& error) {
        failure = Name() + ": " + text::EscapedForLog(error.what(), 1000);
        const int kind = error.Code() & 0xff;  // without what SQLite adds to it
        is_mistake = kind == SQLITE_ERROR || kind == SQLITE_NOTADB;
        if (!error.IsOfFile()) {
            question.Answered();
            throw outage::TableRefuses(failure, is_mistake);
        }
    } catch (const async::WorkersOverloaded& overloaded) {
        failure = Name() + ": " + overloaded.what();
    }
    question.Failed(failure);
    throw outage::TableUnavailable(failure, is_mistake);
}

}  // namespace policyd::tables
