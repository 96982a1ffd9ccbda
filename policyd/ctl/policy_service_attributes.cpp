#include "policyd/ctl/policy_service_attributes.hpp"

#include <algorithm>
#include <stdexcept>

#include "common/config/values.hpp"
#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"

namespace policyd::ctl {
namespace {

constexpr std::string_view kDigits = "0123456789";

void CheckTime(std::string_view value) {
    ParsePolicyServiceTime(value);
}

void CheckCount(std::string_view value) {
    if (value.empty() || value.find_first_not_of(kDigits) != value.npos)
        throw std::invalid_argument("a number");
}

void CheckCountOfTries(std::string_view value) {
    CheckCount(value);
    if (value.find_first_not_of('0') == value.npos) throw std::invalid_argument("1 or more");
}

void CheckText(std::string_view value) {
    if (value.empty()) throw std::invalid_argument("a text that is not empty");
}

constexpr struct Attribute {
    std::string_view name;
    void (*check)(std::string_view);
} kAttributes[] = {
    {"timeout", CheckTime},        {"max_idle", CheckTime},       {"max_ttl", CheckTime},
    {"retry_delay", CheckTime},    {"request_limit", CheckCount}, {"try_limit", CheckCountOfTries},
    {"default_action", CheckText}, {"policy_context", CheckText},
};

const Attribute& Known(const std::string& name) {
    const auto* const known =
        std::find_if(std::begin(kAttributes), std::end(kAttributes),
                     [&](const Attribute& attribute) { return attribute.name == name; });
    if (known != std::end(kAttributes)) return *known;
    std::vector<std::string_view> names;
    for (const Attribute& attribute : kAttributes) names.push_back(attribute.name);
    const std::string_view meant = config::ClosestTo(name, names);
    throw std::invalid_argument(
        "there is no attribute \"" + text::EscapedForLog(name) + '"' +
        (meant.empty() ? "" : "; perhaps \"" + std::string(meant) + "\" was meant"));
}

}  // namespace

PolicyServiceAttributes ParsePolicyServiceAttributes(const std::vector<std::string>& elements) {
    PolicyServiceAttributes attributes;
    for (std::string_view element : elements) {
        if (element.starts_with('{')) element = element.substr(1, element.size() - 2);
        const std::size_t equals = element.find('=');
        if (equals == element.npos)
            throw std::invalid_argument("expected name=value or { name = value }, found \"" +
                                        text::EscapedForLog(element) + '"');
        const std::string name(text::Trim(element.substr(0, equals)));
        const std::string value(text::Trim(element.substr(equals + 1)));
        const Attribute& attribute = Known(name);
        try {
            attribute.check(value);
        } catch (const std::invalid_argument& expected) {
            throw std::invalid_argument(name + ": expected " + expected.what() + ", found \"" +
                                        text::EscapedForLog(value) + '"');
        }
        attributes.insert_or_assign(name, value);
    }
    return attributes;
}

std::chrono::milliseconds ParsePolicyServiceTime(std::string_view text) {
    constexpr std::string_view kUnits = "smhdw";
    const std::size_t unit = std::min(text.find_first_not_of(kDigits), text.size());
    const bool has_known_unit = unit == text.size() || kUnits.find(text[unit]) != kUnits.npos;
    if (unit == 0 || !has_known_unit)
        throw std::invalid_argument("a time with a unit of s, m, h, d or w");
    const auto time = config::ParseDuration(text.substr(0, unit + 1));
    if (time == time.zero()) throw std::invalid_argument("a time of a second or more");
    return time;
}

}  // namespace policyd::ctl
