// The client_access check of a running policyd compared with check_client_access of a real smtpd,
// over the same tables. Any client is presented to both with XCLIENT, and sends a message.
//
//     POLICYD_SEED=7 POLICYD_CASES=10000 build/dev/bin/integration_client_access_agreement
//
// makes other and more cases; a case is one client, seen by one to three tables with a permission
// or a refusal behind them. Compared are the reply codes to RCPT and at the end of data, and what
// becomes of the message: held, discarded, redirected, filtered, copied, with a header put before.
//
// Not compared, since the judge cannot settle it:
// - numeric client names, which XCLIENT does not take, nor does smtpd take them from the DNS (see
//   the unit tests of the search);
// - all of several actions for one client (REDIRECT from one table, PREPEND from the next): a
//   policy service answers with one. Ours must then be the one that does most.
// - restrictions in one table and an action on the message (HOLD, DISCARD, ...) in another, for the
//   same client: one answer cannot be both, and ours is the restrictions, or DISCARD;
// - which of two refusals is told, where a table names a restriction and a table behind it refuses
//   too: ours tells that of the table, since smtpd evaluates restrictions at the end;
// - restrictions that can permit (permit_mynetworks) without a permit or reject behind them: only
//   smtpd could tell what follows, so they are an error here (docs/clients.md).

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "common/log/logging.hpp"
#include "common/text/fold_case.hpp"
#include "tests/integration/client_access_agreement_generator.hpp"
#include "tests/integration/client_access_agreement_judge.hpp"
#include "tests/support/environment.hpp"

namespace policyd::test {
namespace {

/// The effects that can come beside others: a copy, and headers.
std::set<std::string> WithoutAdditions(std::set<std::string> effects) {
    std::erase_if(effects, [](const std::string& effect) {
        return effect.starts_with("X-") || effect == "in copy";
    });
    return effects;
}

/// DEFER_IF_REJECT is an action that nothing shows where nobody refuses.
bool MayDeferRefusals(const Restrictions& setup) {
    const auto names_it = [](const std::string& text) {
        return text::FoldCase(text).find("defer_if_reject") != std::string::npos;
    };
    return std::any_of(setup.tables.begin(), setup.tables.end(), names_it) ||
           std::any_of(setup.contents.begin(), setup.contents.end(), names_it);
}

/// More than one of: another mailbox, a copy, each header, what nothing shows.
bool HadSeveralActions(const ClientOutcome& postfix, const Restrictions& setup) {
    std::set<std::string> actions;
    if (MayDeferRefusals(setup)) actions.insert("DEFER_IF_REJECT");
    for (const std::string& effect : postfix.effects)
        if (effect != "in box") actions.insert(effect.substr(0, effect.find(':')));
    return actions.size() > 1;
}

/// Ours may lack what comes beside another action.
bool AgreesInWhatDoesMost(const ClientOutcome& postfix, const ClientOutcome& ours) {
    return postfix.rcpt == ours.rcpt && postfix.end == ours.end &&
           WithoutAdditions(postfix.effects) == WithoutAdditions(ours.effects) &&
           std::includes(postfix.effects.begin(), postfix.effects.end(), ours.effects.begin(),
                         ours.effects.end());
}

/// Both refuse, each for a reason of its own.
bool BothRefuse(const ClientOutcome& postfix, const ClientOutcome& ours) {
    return postfix.is_of_restriction && ours.rcpt >= 400;
}

/// A mistake in a table is 451 to Postfix, and 450 where DEFER_IF_REJECT stands before it: either
/// way the client tries again.
bool BothDefer(const ClientOutcome& postfix, const ClientOutcome& ours) {
    const auto is_either = [](int code) { return code == 450 || code == 451; };
    return is_either(postfix.rcpt) && is_either(ours.rcpt);
}

bool Agree(const ClientOutcome& postfix, const ClientOutcome& ours, const Restrictions& setup) {
    if (postfix == ours || BothRefuse(postfix, ours) || BothDefer(postfix, ours)) return true;
    return HadSeveralActions(postfix, setup) && AgreesInWhatDoesMost(postfix, ours);
}

std::string Described(const Restrictions& setup, const Client& client) {
    std::string text = client.name + "[" + client.address + "] with\n";
    for (std::size_t i = 0; i < setup.tables.size(); ++i)
        text += setup.tables[i] + "\n" + setup.contents[i];
    text += setup.refuses_others ? "others are refused" : "others are permitted";
    return text + (setup.parents_match_subdomains ? "\n" : ", .example.com for subdomains\n");
}

TEST(ClientAccessAgreementTest, AnswersAsCheckClientAccessDoes) {
    spdlog::set_level(spdlog::level::off);
    const std::uint64_t seed = FromEnvironment("POLICYD_SEED", 1);
    const std::uint64_t cases = FromEnvironment("POLICYD_CASES", 600);
    constexpr std::size_t kSetups = 15, kClients = 40;
    const ScratchDirectory scratch;
    MariaDbServer server;
    ClientAccessGenerator generator(seed, scratch, server);
    std::map<int, int> codes;
    std::map<std::string, int> effects;
    std::uint64_t compared = 0, several = 0;
    int disagreements = 0;
    while (compared < cases && disagreements == 0) {
        std::vector<Restrictions> setups;
        for (std::size_t i = 0; i < kSetups; ++i) setups.push_back(generator.MakeRestrictions());
        ClientAccessJudge judge(setups);
        std::vector<Client> clients;
        for (std::size_t i = 0; i < kSetups * kClients; ++i) {
            clients.push_back(generator.MakeClient());
            for (const auto side : {ClientAccessJudge::kPostfix, ClientAccessJudge::kPolicyd})
                judge.Send(side, i / kClients, clients.back());
        }
        const auto& outcomes = judge.Outcomes();
        for (std::size_t i = 0; i < clients.size(); ++i, ++compared) {
            const ClientOutcome& postfix = outcomes[2 * i];
            const ClientOutcome& ours = outcomes[2 * i + 1];
            ++codes[postfix.rcpt];
            for (const std::string& effect : postfix.effects) ++effects[effect];
            if (postfix.end != 0 && postfix.effects.empty()) ++effects["gone"];
            const Restrictions& setup = setups[i / kClients];
            const bool agree = Agree(postfix, ours, setup);
            if (postfix != ours && agree) ++several;
            if (agree || ++disagreements > 5) continue;
            ADD_FAILURE() << "POLICYD_SEED=" << seed << "\n"
                          << Described(setup, clients[i]) << "Postfix: " << postfix.ToText()
                          << "\nours:    " << ours.ToText();
        }
    }
    std::printf("client access: %llu compared, %d disagree, seed %llu\n",
                static_cast<unsigned long long>(compared), disagreements,
                static_cast<unsigned long long>(seed));
    for (const auto& [code, count] : codes) std::printf("  %6d %d\n", count, code);
    for (const auto& [effect, count] : effects) std::printf("  %6d %s\n", count, effect.c_str());
    std::printf("  %6llu that agree but for several actions or two refusals\n",
                static_cast<unsigned long long>(several));
    EXPECT_GE(codes.size(), 4u) << "the cases are too much alike to show anything";
}

}  // namespace
}  // namespace policyd::test
