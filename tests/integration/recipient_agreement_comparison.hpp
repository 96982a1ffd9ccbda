#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/integration/recipient_agreement_judge.hpp"
#include "tests/integration/recipient_agreement_site.hpp"

namespace policyd::agreement {

/// One disagreement, and what is needed to see it again.
struct Disagreement {
    Site site;
    Recipient recipient;
    Answer postfix;
    Answer ours;

    std::string Described() const {
        return "RCPT TO:<" + recipient.typed + "> in a site with\n" + site.Described() +
               "Postfix: " + agreement::Described(postfix) +
               "\nours:    " + agreement::Described(ours);
    }
};

/// Compares the answers of Postfix and ours over the tables of one store, counts, and shows the
/// first few disagreements, each as small as it becomes.
class Comparison {
public:
    explicit Comparison(TableStore& store) : store_(store) {}

    /// From now on the tables are damaged after they were filled.
    void BreakTablesBy(std::function<void()> damage) { damage_ = std::move(damage); }

    /// Returns what Postfix answered.
    std::vector<Answer> Compare(const Site& site, const std::vector<Recipient>& recipients) {
        Prepare(site);
        const std::vector<Answer> answers = judge_.Answers(recipients);
        Ours ours(site, store_);
        for (std::size_t i = 0; i < recipients.size(); ++i) {
            const Answer answer = ours.AnswerFor(recipients[i]);
            ++cases_;
            ++outcomes_[Outcome(answers[i])];
            if (Agree(site, answers[i], answer)) {
                ++agreed_;
            } else if (!HasManyDisagreements()) {
                disagreements_.push_back({site, recipients[i], answers[i], answer});
            }
        }
        return answers;
    }

    void Report(const std::string& what) {
        std::printf("recipients, %s: %zu of %zu cases agree\n", what.c_str(), agreed_, cases_);
        for (const auto& [outcome, count] : outcomes_)
            std::printf("  %6zu %s\n", count, outcome.c_str());
        for (Disagreement& disagreement : disagreements_) {
            if (!damage_) Shrink(disagreement);
            ADD_FAILURE() << disagreement.Described();
        }
        EXPECT_EQ(agreed_, cases_);
        EXPECT_GT(outcomes_.size(), 3u) << "the cases are too much alike to show anything";
    }

    bool HasManyDisagreements() const { return disagreements_.size() >= kMostShown; }
    std::size_t Cases() const { return cases_; }

private:
    static constexpr std::size_t kMostShown = 3;

    void Prepare(const Site& site) {
        store_.Fill(site);
        if (damage_) damage_();
        judge_.Hear(site, store_);
    }

    bool Agree(const Site& site, const Answer& postfix, const Answer& ours) const {
        const bool is_temporary_later = (damage_ || site.is_spoilt) && postfix.is_held;
        if (is_temporary_later && ours.kind == Answer::Kind::kTemporary) return true;
        return postfix == ours;
    }

    /// What Postfix did, for the report.
    static std::string Outcome(const Answer& answer) {
        switch (answer.kind) {
            case Answer::Kind::kNotOurs:
                return "not ours";
            case Answer::Kind::kUnknown:
                return "unknown";
            case Answer::Kind::kTemporary:
                return "temporary";
            case Answer::Kind::kKnown:
                break;
        }
        if (answer.is_held) return "known, held";
        if (answer.directories.empty()) return "known, stored nowhere here";
        return answer.directories.size() == 1 ? "known, one mailbox" : "known, several mailboxes";
    }

    bool StillDisagrees(Disagreement& candidate) {
        Prepare(candidate.site);
        candidate.postfix = judge_.Answers({candidate.recipient}).front();
        candidate.ours = Ours(candidate.site, store_).AnswerFor(candidate.recipient);
        return !Agree(candidate.site, candidate.postfix, candidate.ours);
    }

    template <typename Container>
    void ShrinkRows(Disagreement& smallest, Container Site::*rows) {
        const Container all = smallest.site.*rows;
        for (const auto& row : all) {
            Disagreement candidate = smallest;
            std::erase_if(candidate.site.*rows, [&](const auto& other) { return other == row; });
            if (StillDisagrees(candidate)) smallest = candidate;
        }
    }

    void Shrink(Disagreement& smallest) {
        ShrinkRows(smallest, &Site::parameters);
        ShrinkRows(smallest, &Site::forwardings);
        ShrinkRows(smallest, &Site::transport);
        ShrinkRows(smallest, &Site::canonical);
        ShrinkRows(smallest, &Site::relocated);
        ShrinkRows(smallest, &Site::users);
        ShrinkRows(smallest, &Site::domains);
    }

    TableStore& store_;
    Judge judge_;
    std::function<void()> damage_;
    std::vector<Disagreement> disagreements_;
    std::map<std::string, std::size_t> outcomes_;
    std::size_t cases_ = 0;
    std::size_t agreed_ = 0;
};

}  // namespace policyd::agreement
