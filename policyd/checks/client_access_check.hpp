#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/answer_cache.hpp"
#include "common/tables/client_search.hpp"
#include "common/tables/table_chain.hpp"
#include "policyd/checks/access_result.hpp"
#include "policyd/checks/policy_check.hpp"

namespace policyd::checks {

/// Which clients may talk to the mail server: access(5) tables, and what becomes of those that are
/// in none of them.
///
/// Several tables are as several check_client_access restrictions one after the other: the first
/// that permits or refuses decides, and DUNNO goes on to the next. What permits satisfies this
/// check, so that the next one is asked; it is never told to Postfix, which would skip its own
/// later restrictions. An action such as HOLD or PREPEND is answered if nothing refuses after it;
/// a policy service can answer with one only, so of several it is the one that does most.
class ClientAccessCheck final : public PolicyCheck {
    /// What is said of a client.
    struct Answer {
        Verdict verdict;
        bool is_noted = false;  ///< a table had something written to the log, and will again
    };
    using Answers = async::AnswerCache<Answer>;

public:
    /// What is remembered of clients. Where all tables are in memory nothing is: they are asked.
    struct Memory {
        /// For as long an answer serves without asking again.
        std::chrono::milliseconds fresh_time{0};
        std::chrono::milliseconds stale_time{0};  ///< while the tables cannot be asked
        std::size_t most_clients = 100'000;
    };

    struct Rules {
        std::string default_action;  ///< a policy action or DUNNO
        tables::ParentStyle parents = tables::ParentStyle::kDomain;
        bool permits_authenticated = false;  ///< users who have logged in
    };

    /// The tables are asked through `reader`, which outlives the check. `clock` is monotonic.
    ClientAccessCheck(tables::TableChain tables, const Rules& rules, tables::TableReader& reader,
                      const Memory& memory, Answers::Clock clock);

    std::string_view Name() const override { return "client_access"; }

    /// At every stage but END-OF-MESSAGE: the client was let in before its message was taken.
    /// Throws outage::TableUnavailable also for a value that is no action.
    async::Task<Verdict> Evaluate(const protocol::PolicyRequest& request,
                                  Findings& findings) override;
    std::optional<Verdict> AtHand(const protocol::PolicyRequest& request) override;
    std::optional<Verdict> AsRemembered(const protocol::PolicyRequest& request,
                                        const Findings& findings) override;
    void ForgetAnswers() override { answers_.Clear(); }
    void TakeOver(PolicyCheck& predecessor, bool asks_alike) override;

private:
    /// What tables said that is no decision.
    struct Asides {
        std::string if_rejected;   ///< DEFER_IF_REJECT: makes a permanent refusal temporary
        std::string if_permitted;  ///< DEFER_IF_PERMIT
        std::string restrictions;  ///< for smtpd to evaluate
        std::string other;         ///< the strongest of HOLD, REDIRECT, FILTER, BCC, PREPEND

        void Add(const std::string& action);
        void AddRestrictions(const std::string& list);
        /// What smtpd makes at once of both DEFER_IF_REJECT and DEFER_IF_PERMIT.
        std::optional<Verdict> Deferral() const;
        Verdict Refusal(const std::string& action) const;
        Verdict Permission() const;
    };

    struct Client {
        std::string_view name;
        std::string_view address;
    };

    bool IsConcerned(const protocol::PolicyRequest& request) const;
    const std::string& KeyOf(const protocol::PolicyRequest& request);
    Verdict ByDefault(Asides asides) const;
    Answer AskMemory(Client client) const;
    async::Task<Answer> AskTables(Client client) const;
    async::Task<Answer> AskTablesFor(const std::string& key) const;
    /// Takes down what a table says of the client; whether that decides.
    static bool Decides(const AccessResult& result, Client client, Asides& asides, Answer& answer);

    tables::TableChain tables_;
    /// All of them, if all are in memory.
    std::vector<const tables::MemoryTable*> in_memory_;
    const AccessResult default_;
    const tables::ParentStyle parents_;
    const bool permits_authenticated_;
    tables::TableReader& reader_;
    const std::chrono::milliseconds stale_time_;
    Answers answers_;
    std::string key_;  // of the client that was last asked about
};

}  // namespace policyd::checks
