#include "policyd/checks/client_access_check.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "common/log/logging.hpp"
#include "common/outage/unavailable.hpp"
#include "common/protocol/action_word.hpp"
#include "common/protocol/policy_action.hpp"
#include "common/text/utf8.hpp"

namespace policyd::checks {

namespace {

using Kind = AccessResult::Kind;

/// Between a client's name and its address, in the key of what is remembered of it: a request has
/// no such byte in a value.
constexpr char kBetween = '\n';

constexpr std::string_view kDeferIfReject = "DEFER_IF_REJECT";
constexpr std::string_view kDeferIfPermit = "DEFER_IF_PERMIT";

/// The tables, if all are in memory.
std::vector<const tables::MemoryTable*> AllInMemory(const tables::TableChain& tables) {
    std::vector<const tables::MemoryTable*> in_memory;
    for (const tables::LookupTable* table : tables.Tables()) {
        if (table->InMemory() == nullptr) return {};
        in_memory.push_back(table->InMemory());
    }
    return in_memory;
}

AccessResult ResultOf(const std::optional<std::string>& value, const tables::LookupTable& table) {
    if (!value) return AccessResult();
    try {
        return ParseAccessResult(*value);
    } catch (const std::invalid_argument& error) {
        throw outage::TableUnavailable(table.Name() + ": " + error.what());
    }
}

bool BeginsWith(std::string_view text, std::string_view begin) {
    return text.substr(0, begin.size()) == begin;
}

}  // namespace

void ClientAccessCheck::Asides::Add(const std::string& action) {
    if (BeginsWith(action, kDeferIfReject)) {
        if (if_rejected.empty()) if_rejected = action;
    } else if (BeginsWith(action, kDeferIfPermit)) {
        if (if_permitted.empty()) if_permitted = action;
    } else if (other.empty() || protocol::Outdoes(action, other)) {
        other = action;
    }
}

void ClientAccessCheck::Asides::AddRestrictions(const std::string& list) {
    if (list.empty()) return;
    restrictions += restrictions.empty() ? "" : ", ";
    restrictions += list;
}

std::optional<Verdict> ClientAccessCheck::Asides::Deferral() const {
    if (if_rejected.empty() || if_permitted.empty()) return std::nullopt;
    return Verdict::Answer("DEFER" + if_permitted.substr(kDeferIfPermit.size()), "client_access");
}

Verdict ClientAccessCheck::Asides::Refusal(const std::string& action) const {
    if (!if_rejected.empty() && RefusesForGood(action)) {
        return Verdict::Answer("DEFER" + if_rejected.substr(kDeferIfReject.size()),
                               "client_access");
    }
    // To discard is to permit.
    if (!if_permitted.empty() && BeginsWith(action, "DISCARD"))
        return Verdict::Answer(if_permitted, "client_access");
    return Verdict::Answer(action, "client_access");
}

Verdict ClientAccessCheck::Asides::Permission() const {
    if (!restrictions.empty()) {
        const std::string if_rejected_too = if_rejected.empty() ? "" : "defer_if_reject, ";
        const std::string if_permitted_too = if_permitted.empty() ? "" : "defer_if_permit, ";
        return Verdict::Remark(if_rejected_too + if_permitted_too + restrictions, "client_access");
    }
    const std::string* strongest = nullptr;
    for (const std::string* const action : {&if_permitted, &other, &if_rejected}) {
        if (!action->empty() && (strongest == nullptr || protocol::Outdoes(*action, *strongest)))
            strongest = action;
    }
    if (strongest == nullptr) return Verdict::NoOpinion();
    return Verdict::Remark(*strongest, "client_access");
}

ClientAccessCheck::ClientAccessCheck(tables::TableChain tables, const Rules& rules,
                                     tables::TableReader& reader, const Memory& memory,
                                     Answers::Clock clock)
    : tables_(std::move(tables)),
      in_memory_(AllInMemory(tables_)),
      default_(ParseAccessResult(rules.default_action)),
      parents_(rules.parents),
      permits_authenticated_(rules.permits_authenticated),
      reader_(reader),
      stale_time_(memory.stale_time),
      answers_(
          memory.most_clients, memory.stale_time, std::move(clock),
          [fresh = memory.fresh_time](const Answer& answer) {
              return answer.is_noted ? std::chrono::milliseconds(0) : fresh;
          },
          [this](const std::string& key) { return AskTablesFor(key); }) {}

void ClientAccessCheck::TakeOver(PolicyCheck& predecessor, bool asks_alike) {
    if (asks_alike) answers_.TakeOver(static_cast<ClientAccessCheck&>(predecessor).answers_);
}

bool ClientAccessCheck::IsConcerned(const protocol::PolicyRequest& request) const {
    if (permits_authenticated_ && !request.sasl_username.empty()) return false;
    return request.stage != protocol::Stage::kEndOfMessage && !request.client_address.empty();
}

const std::string& ClientAccessCheck::KeyOf(const protocol::PolicyRequest& request) {
    key_.assign(request.client_name);
    key_ += kBetween;
    key_ += request.client_address;
    return key_;
}

std::optional<Verdict> ClientAccessCheck::AtHand(const protocol::PolicyRequest& request) {
    if (!IsConcerned(request)) return Verdict::NoOpinion();
    if (tables_.Tables().empty()) return ByDefault({});
    if (!in_memory_.empty()) {
        try {
            return AskMemory({request.client_name, request.client_address}).verdict;
        } catch (const outage::TableUnavailable&) {
            return std::nullopt;  // Evaluate() tells why
        }
    }
    const Answer* const answer = answers_.AtHand(KeyOf(request));
    if (answer == nullptr) return std::nullopt;
    return answer->verdict;
}

std::optional<Verdict> ClientAccessCheck::AsRemembered(const protocol::PolicyRequest& request,
                                                       const Findings&) {
    if (!IsConcerned(request)) return Verdict::NoOpinion();
    if (tables_.IsEmpty() || !in_memory_.empty()) return AtHand(request);
    const Answers::Answer answer = answers_.Remembered(KeyOf(request), stale_time_);
    if (!answer) return std::nullopt;
    return answer->verdict;
}

async::Task<Verdict> ClientAccessCheck::Evaluate(const protocol::PolicyRequest& request,
                                                 Findings&) {
    if (!IsConcerned(request)) co_return Verdict::NoOpinion();
    if (!in_memory_.empty()) {
        const Client client{request.client_name, request.client_address};
        co_return AskMemory(client).verdict;
    }
    const Answers::Given answer = co_await answers_.Get(KeyOf(request));
    co_return answer->verdict;
}

/// What is said of a client that no table decides on.
Verdict ClientAccessCheck::ByDefault(Asides asides) const {
    if (default_.kind == Kind::kDecide) return asides.Refusal(default_.action);
    if (default_.kind == Kind::kAside) asides.Add(default_.action);
    if (auto deferral = asides.Deferral()) return std::move(*deferral);
    const Verdict said = asides.Permission();
    if (said.HasOpinion() || default_.kind != Kind::kNote) return said;
    return Verdict::Remark(default_.text, "client_access");
}

async::Task<ClientAccessCheck::Answer> ClientAccessCheck::AskTablesFor(
    const std::string& key) const {
    const std::size_t between = key.find(kBetween);
    const std::string_view whole(key);
    const Client client{whole.substr(0, between), whole.substr(between + 1)};
    co_return co_await AskTables(client);
}

ClientAccessCheck::Answer ClientAccessCheck::AskMemory(Client client) const {
    Asides asides;
    Answer answer;
    for (const tables::MemoryTable* table : in_memory_) {
        const auto value = tables::FindClientNow(*table, client.name, client.address, parents_);
        if (Decides(ResultOf(value, *table), client, asides, answer)) return answer;
    }
    answer.verdict = ByDefault(asides);
    return answer;
}

async::Task<ClientAccessCheck::Answer> ClientAccessCheck::AskTables(Client client) const {
    Asides asides;
    Answer answer;
    for (tables::LookupTable* table : tables_.Tables()) {
        const std::optional<std::string> value =
            co_await tables::FindClient(*table, client.name, client.address, parents_, reader_);
        if (Decides(ResultOf(value, *table), client, asides, answer)) co_return answer;
    }
    answer.verdict = ByDefault(asides);
    co_return answer;
}

bool ClientAccessCheck::Decides(const AccessResult& result, Client client, Asides& asides,
                                Answer& answer) {
    switch (result.kind) {
        case Kind::kPermit:
            answer.verdict = asides.Permission();
            return true;
        case Kind::kDecide:
            answer.verdict = asides.Refusal(result.action);
            return true;
        case Kind::kDelegate:
            asides.AddRestrictions(result.action);
            answer.verdict = asides.Permission();
            return true;
        case Kind::kAside:
            asides.Add(result.action);
            if (auto deferral = asides.Deferral()) {
                answer.verdict = std::move(*deferral);
                return true;
            }
            return false;
        case Kind::kRestrict:
            asides.AddRestrictions(result.action);
            return false;
        case Kind::kNote:
            answer.is_noted = true;
            log::Info("client_access: {}[{}]: {}", text::EscapedForLog(client.name),
                      text::EscapedForLog(client.address), text::EscapedForLog(result.text));
            return false;
        case Kind::kNext:
            return false;
    }
    return false;
}

}  // namespace policyd::checks
