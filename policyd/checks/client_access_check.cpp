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

/// The answer where one action is followed by another that refuses: DEFER_IF_REJECT makes a
/// permanent refusal temporary.
Verdict Refusal(const std::string& aside, const std::string& action) {
    const std::string_view before(aside);
    if (before.substr(0, kDeferIfReject.size()) == kDeferIfReject && RefusesForGood(action))
        return Verdict::Answer("DEFER" + aside.substr(kDeferIfReject.size()), "client_access");
    return Verdict::Answer(action, "client_access");
}

Verdict Permission(const std::string& aside) {
    if (aside.empty()) return Verdict::NoOpinion();
    return Verdict::Remark(aside, "client_access");
}

}  // namespace

async::Task<Verdict> ClientAccessCheck::Evaluate(const protocol::PolicyRequest& request) {
    if (request.stage == protocol::Stage::kEndOfMessage || request.client_address.empty())
        co_return Verdict::NoOpinion();
    std::string aside;
    for (tables::LookupTable* table : tables_.Tables()) {
        const AccessResult result = co_await Search(*table, request);
        switch (result.kind) {
            case Kind::kPermit:
                co_return Permission(aside);
            case Kind::kDecide:
                co_return Refusal(aside, result.action);
            case Kind::kAside:
                if (aside.empty()) aside = result.action;
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
    co_return AfterAllTables(aside);
}

async::Task<AccessResult> ClientAccessCheck::Search(tables::LookupTable& table,
                                                    const protocol::PolicyRequest& request) const {
    const std::optional<std::string> value =
        co_await tables::FindClient(table, request.client_name, request.client_address, parents_);
    if (!value) co_return AccessResult();
    try {
        co_return ParseAccessResult(*value);
    } catch (const std::invalid_argument& error) {
        throw outage::TableUnavailable(table.Name() + ": " + error.what());
    }
}

Verdict ClientAccessCheck::AfterAllTables(const std::string& aside) const {
    if (default_ == protocol::kDunno) return Permission(aside);
    return Refusal(aside, default_);
}

}  // namespace policyd::checks
