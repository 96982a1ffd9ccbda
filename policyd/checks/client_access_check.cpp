#include "policyd/checks/client_access_check.hpp"

#include <stdexcept>

#include "common/log/logging.hpp"
#include "common/outage/unavailable.hpp"
#include "common/protocol/policy_action.hpp"
#include "common/text/unicode.hpp"

namespace policyd::checks {

namespace {

using Kind = AccessResult::Kind;

constexpr std::string_view kDeferIfReject = "DEFER_IF_REJECT";
constexpr std::string_view kDeferIfPermit = "DEFER_IF_PERMIT";

bool BeginsWith(std::string_view text, std::string_view begin) {
    return text.substr(0, begin.size()) == begin;
}

}  // namespace

void ClientAccessCheck::Asides::Add(const std::string& action) {
    std::string& place = BeginsWith(action, kDeferIfReject)   ? if_rejected
                         : BeginsWith(action, kDeferIfPermit) ? if_permitted
                                                              : other;
    if (place.empty()) place = action;
}

Verdict ClientAccessCheck::Asides::Refusal(const std::string& action) const {
    if (!if_rejected.empty() && RefusesForGood(action)) {
        return Verdict::Answer("DEFER" + if_rejected.substr(kDeferIfReject.size()),
                               "client_access");
    }
    return Verdict::Answer(action, "client_access");
}

Verdict ClientAccessCheck::Asides::Permission() const {
    for (const std::string* action : {&if_permitted, &other, &if_rejected}) {
        if (!action->empty()) return Verdict::Remark(*action, "client_access");
    }
    return Verdict::NoOpinion();
}

async::Task<Verdict> ClientAccessCheck::Evaluate(const protocol::PolicyRequest& request) {
    if (request.stage == protocol::Stage::kEndOfMessage || request.client_address.empty())
        co_return Verdict::NoOpinion();
    Asides asides;
    for (tables::LookupTable* table : tables_.Tables()) {
        const AccessResult result = co_await Search(*table, request);
        switch (result.kind) {
            case Kind::kPermit:
                co_return asides.Permission();
            case Kind::kDecide:
                co_return asides.Refusal(result.action);
            case Kind::kAside:
                asides.Add(result.action);
                break;
            case Kind::kNote:
                log::Info("client_access: {}[{}]: {}", text::EscapedForLog(request.client_name),
                          text::EscapedForLog(request.client_address),
                          text::EscapedForLog(result.text));
                break;
            case Kind::kNext:
                break;
        }
    }
    co_return default_ == protocol::kDunno ? asides.Permission() : asides.Refusal(default_);
}

async::Task<AccessResult> ClientAccessCheck::Search(tables::LookupTable& table,
                                                    const protocol::PolicyRequest& request) const {
    const std::optional<std::string> value = co_await tables::FindClient(
        table, request.client_name, request.client_address, parents_, reader_);
    if (!value) co_return AccessResult();
    try {
        co_return ParseAccessResult(*value);
    } catch (const std::invalid_argument& error) {
        throw outage::TableUnavailable(table.Name() + ": " + error.what());
    }
}

}  // namespace policyd::checks
