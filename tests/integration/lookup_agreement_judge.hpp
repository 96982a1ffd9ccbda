#pragma once

#include <cctype>
#include <future>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/async/event_loop.hpp"
#include "common/config/config_error.hpp"
#include "common/tables/table_registry.hpp"
#include "tests/integration/lookup_agreement_case.hpp"
#include "tests/support/postfix_instance.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

/// What one side says of a case: an outcome for each key, and the numbers of the lines that it
/// warns of.
struct LookupAnswers {
    std::vector<LookupOutcome> outcomes;
    std::multiset<int> lines;
};

/// The numbers that follow `marker`, one at most in each line of `text`.
inline void AddNumbersAfter(const std::string& marker, const std::string& text,
                            std::multiset<int>& numbers) {
    for (std::size_t at = text.find(marker); at != std::string::npos;
         at = text.find(marker, at + 1)) {
        const char* const digits = text.c_str() + at + marker.size();
        if (std::isdigit(static_cast<unsigned char>(*digits)) != 0)
            numbers.insert(std::atoi(digits));
    }
}

/// The files of one case, and its table with every `{...}` replaced.
class LookupStage {
public:
    LookupStage(const LookupCase& lookup, std::map<std::string, std::string> places) {
        places["{DIR}"] = scratch_.Path().string();
        table_ = Replaced(lookup.table, places);
        for (const auto& [name, content] : lookup.files)
            MakeLookSettled(scratch_.Write(name, Replaced(content, places)));
        if (table_.starts_with("hash:")) warnings_ = Run({"postmap", table_}).errors;
    }

    const std::string& Table() const { return table_; }
    /// Of postmap, while it compiled the table.
    const std::string& Warnings() const { return warnings_; }

private:
    static std::string Replaced(std::string text,
                                const std::map<std::string, std::string>& places) {
        for (const auto& [place, value] : places) {
            for (std::size_t at; (at = text.find(place)) != std::string::npos;)
                text.replace(at, place.size(), value);
        }
        return text;
    }

    ScratchDirectory scratch_;
    std::string table_;
    std::string warnings_;
};

/// postmap -q, with a configuration of its own.
class PostmapJudge {
public:
    PostmapJudge() {
        MakeLookSettled(scratch_.Write("main.cf",
                                       "compatibility_level = 3.7\n"
                                       "smtputf8_enable = yes\nmaillog_file =\n"));
    }

    /// All keys at once where nothing is wrong with the table, which is the usual case; otherwise
    /// one by one. May be called from several threads at a time, and should be: an error takes
    /// postmap a second.
    LookupAnswers Ask(const LookupCase& lookup, const LookupStage& stage) const {
        LookupAnswers answers = Asked(lookup, stage.Table());
        AddNumbersAfter(", line ", stage.Warnings(), answers.lines);
        return answers;
    }

private:
    LookupAnswers Asked(const LookupCase& lookup, const std::string& table) const {
        LookupAnswers answers;
        if (!lookup.values_have_lines && AskForAll(lookup.keys, table, answers)) return answers;
        answers = {};
        // It opens the table at the first key; this one is in none, so that nothing is amiss but
        // what the table says while it is opened.
        AddNumbersAfter(", line ", Postmap("-", table, "nothing\n").errors, answers.lines);
        std::vector<std::future<LookupOutcome>> outcomes;
        for (const std::string& key : lookup.keys) {
            outcomes.push_back(std::async(std::launch::async,
                                          [this, &key, &table] { return AskForOne(key, table); }));
        }
        for (auto& outcome : outcomes) answers.outcomes.push_back(outcome.get());
        return answers;
    }

    bool AskForAll(const std::vector<std::string>& keys, const std::string& table,
                   LookupAnswers& answers) const {
        std::string input;
        for (const std::string& key : keys) input += key + "\n";
        const Finished finished = Postmap("-", table, input);
        if (finished.errors.find("fatal:") != std::string::npos) return false;
        std::size_t at = 0;
        for (const std::string& key : keys) {
            LookupOutcome outcome;
            const std::string begin = key + "\t";
            if (finished.output.compare(at, begin.size(), begin) == 0) {
                const std::size_t end = finished.output.find('\n', at);
                outcome.kind = LookupOutcome::Kind::kFound;
                outcome.value = finished.output.substr(at + begin.size(), end - at - begin.size());
                at = end + 1;
            }
            answers.outcomes.push_back(outcome);
        }
        AddNumbersAfter(", line ", finished.errors, answers.lines);
        return at == finished.output.size();
    }

    LookupOutcome AskForOne(const std::string& key, const std::string& table) const {
        const Finished finished = Postmap(key, table, "");
        if (finished.errors.find("fatal:") != std::string::npos)
            return {LookupOutcome::Kind::kError, {}};
        if (finished.status != 0) return {};
        return {LookupOutcome::Kind::kFound, finished.output.substr(0, finished.output.size() - 1)};
    }

    Finished Postmap(const std::string& key, const std::string& table,
                     const std::string& input) const {
        return Run({"postmap", "-c", scratch_.Path().string(), "-q", key, table}, input);
    }

    ScratchDirectory scratch_;
};

/// The project's tables.
class OurLookups {
public:
    LookupAnswers Ask(const LookupCase& lookup, const LookupStage& stage) {
        LookupAnswers answers;
        tables::TableSettings settings;
        settings.mysql_connections = 1;
        settings.reader = tables::ReadAs::kPostmap;
        settings.mysql_time_limit = std::chrono::seconds(20);
        settings.warn = [&answers](const std::string& warning) {
            // Postfix does not give two of these, and the others have no number there.
            if (warning.find("begins with a blank") != std::string::npos) return;
            if (warning.find("means nothing here") != std::string::npos) return;
            if (warning.find("ignored, as by postmap") != std::string::npos) return;
            const char* const digits = warning.c_str() + warning.find(':') + 1;
            if (std::isdigit(static_cast<unsigned char>(*digits)) != 0)
                answers.lines.insert(std::atoi(digits));
        };
        try {
            tables::TableRegistry registry(loop_, settings);
            tables::LookupTable& table = registry.Open(stage.Table());
            for (const std::string& key : lookup.keys) answers.outcomes.push_back(Find(table, key));
        } catch (const config::ConfigError&) {
            answers.outcomes.assign(lookup.keys.size(), {LookupOutcome::Kind::kError, {}});
        }
        return answers;
    }

private:
    LookupOutcome Find(tables::LookupTable& table, const std::string& key) {
        try {
            auto value = loop_.RunUntilDone(table.Find(key));
            if (!value) return {};
            return {LookupOutcome::Kind::kFound, std::move(*value)};
        } catch (const outage::TableUnavailable&) {
            return {LookupOutcome::Kind::kError, {}};
        }
    }

    async::EventLoop loop_;
};

}  // namespace policyd::test
