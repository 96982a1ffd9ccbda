#include "policyd/checks/client_access_check.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "common/log/logging.hpp"
#include "common/outage/unavailable.hpp"
#include "common/protocol/policy_action.hpp"
#include "common/text/unicode.hpp"

namespace policyd::checks {

namespace {

using Kind = AccessResult::Kind;

/// Between a client's name and its address, in the key of what is remembered of it: a request has
/// no such byte in a value.
constexpr char kBetween = '\n';

constexpr std::string_view kDeferIfReject = "DEFER_IF_REJECT";
constexpr std::string_view kDeferIfPermit = "DEFER_IF_PERMIT";

bool BeginsWith(std::string_view text, std::string_view begin) {
    return text.substr(0, begin.size()) == begin;
}

/// Among the actions that change what becomes of a message: how much each does.
int Strength(std::string_view action) {
    constexpr std::string_view kWeakestFirst[] = {"PREPEND", "BCC", "REDIRECT", "FILTER", "HOLD"};
    const std::string_view word = action.substr(0, action.find(' '));
    const auto place = std::find(std::begin(kWeakestFirst), std::end(kWeakestFirst), word);
    return static_cast<int>(place - std::begin(kWeakestFirst));
}

/// Whether `action` takes the place of one that came before it: Postfix follows the last of
/// several FILTER or REDIRECT.
bool Outdoes(std::string_view action, std::string_view earlier) {
    const int strength = Strength(action);
    return strength > Strength(earlier) ||
           (strength == Strength(earlier) &&
            (BeginsWith(action, "FILTER") || BeginsWith(action, "REDIRECT")));
}

}  // namespace

void ClientAccessCheck::Asides::Add(const std::string& action) {
    if (BeginsWith(action, kDeferIfReject)) {
        if (if_rejected.empty()) if_rejected = action;
    } else if (BeginsWith(action, kDeferIfPermit)) {
        if (if_permitted.empty()) if_permitted = action;
    } else if (other.empty() || Outdoes(action, other)) {
        other = action;
    }
}

void ClientAccessCheck::Asides::AddRestrictions(const std::string& list) {
    if (list.empty()) return;
    restrictions += restrictions.empty() ? "" : ", ";
    restrictions += list;
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
    for (const std::string* action : {&if_permitted, &other, &if_rejected}) {
        if (!action->empty()) return Verdict::Remark(*action, "client_access");
    }
    return Verdict::NoOpinion();
}

ClientAccessCheck::ClientAccessCheck(tables::TableChain tables, std::string default_action,
                                     tables::ParentStyle parents, tables::TableReader& reader,
                                     const Memory& memory, Answers::Clock clock)
    : tables_(std::move(tables)),
      default_(std::move(default_action)),
      parents_(parents),
      reader_(reader),
      remembers_(!tables_.Tables().empty() && memory.stale_time.count() > 0),
      answers_(
          memory.most_clients, memory.stale_time, std::move(clock),
          [](const Verdict&) { return std::chrono::milliseconds(0); },
          [this](const std::string& key) { return AskTablesFor(key); }) {}

async::Task<Verdict> ClientAccessCheck::Evaluate(const protocol::PolicyRequest& request) {
    if (request.stage == protocol::Stage::kEndOfMessage || request.client_address.empty())
        co_return Verdict::NoOpinion();
    if (!remembers_) {
        const Client client{request.client_name, request.client_address};
        co_return co_await AskTables(client);
    }
    std::string key(request.client_name);
    key += kBetween;
    key += request.client_address;
    const Answers::Answer answer = co_await answers_.Get(key);
    co_return *answer;
}

async::Task<Verdict> ClientAccessCheck::AskTablesFor(const std::string& key) const {
    const std::size_t between = key.find(kBetween);
    const std::string_view whole(key);
    const Client client{whole.substr(0, between), whole.substr(between + 1)};
    co_return co_await AskTables(client);
}

async::Task<Verdict> ClientAccessCheck::AskTables(Client client) const {
    Asides asides;
    for (tables::LookupTable* table : tables_.Tables()) {
        const AccessResult result = co_await Search(*table, client);
        switch (result.kind) {
            case Kind::kPermit:
                co_return asides.Permission();
            case Kind::kDecide:
                co_return asides.Refusal(result.action);
            case Kind::kDelegate:
                asides.AddRestrictions(result.action);
                co_return asides.Permission();
            case Kind::kAside:
                asides.Add(result.action);
                break;
            case Kind::kRestrict:
                asides.AddRestrictions(result.action);
                break;
            case Kind::kNote:
                log::Info("client_access: {}[{}]: {}", text::EscapedForLog(client.name),
                          text::EscapedForLog(client.address), text::EscapedForLog(result.text));
                break;
            case Kind::kNext:
                break;
        }
    }
    co_return protocol::IsDunno(default_) ? asides.Permission() : asides.Refusal(default_);
}

async::Task<AccessResult> ClientAccessCheck::Search(tables::LookupTable& table,
                                                    Client client) const {
    const std::optional<std::string> value =
        co_await tables::FindClient(table, client.name, client.address, parents_, reader_);
    if (!value) co_return AccessResult();
    try {
        co_return ParseAccessResult(*value);
    } catch (const std::invalid_argument& error) {
        throw outage::TableUnavailable(table.Name() + ": " + error.what());
    }
}

}  // namespace policyd::checks
