#include "common/tables/lookup_table.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace policyd::tables {

namespace {

bool HaveOneServer(const std::vector<Question>& questions) {
    const auto has_another = [&questions](const Question& question) {
        return question.table->Server() != questions.front().table->Server();
    };
    return questions.size() > 1 && questions.front().table->Server() != nullptr &&
           std::none_of(questions.begin(), questions.end(), has_another);
}

async::Task<std::vector<Outcome>> FindByServer(std::vector<Question> questions) {
    std::vector<Outcome> outcomes(questions.size());
    std::map<const void*, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < questions.size(); ++i) {
        const void* const server = questions[i].table->Server();
        if (server != nullptr) groups[server].push_back(i);
    }
    for (const auto& [server, places] : groups) {
        if (places.size() < 2) continue;
        std::vector<Question> group;
        for (const std::size_t place : places) group.push_back(std::move(questions[place]));
        LookupTable& first = *group.front().table;
        std::vector<Outcome> found = co_await first.FindTogether(std::move(group));
        for (std::size_t i = 0; i < places.size(); ++i) outcomes[places[i]] = std::move(found[i]);
    }
    co_return outcomes;
}

}  // namespace

async::Task<void> LookupTable::Try() {
    co_await Find(kKeyOfNobody);
}

async::Task<std::vector<Outcome>> LookupTable::FindTogether(std::vector<Question> questions) {
    co_return std::vector<Outcome>(questions.size());
}

async::Task<std::vector<Outcome>> FindTogether(std::vector<Question> questions) {
    if (!HaveOneServer(questions)) return FindByServer(std::move(questions));
    LookupTable& first = *questions.front().table;
    return first.FindTogether(std::move(questions));
}

}  // namespace policyd::tables
